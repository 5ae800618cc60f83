"""Size of what is still to be downloaded from a repository."""

from __future__ import annotations

from pathlib import Path

from app.core import paths


def missing_bytes(outline: Path) -> int:
    """Return the size of the files in an outline that have not been downloaded yet."""
    folder = paths.checkpoints_folder() / outline.parent.name / outline.name
    wanted = (file for file in outline.rglob("*") if not file.name.startswith("."))
    return sum(
        _size_of(file)
        for file in wanted
        if _size_of(file) != _size_of(folder / file.relative_to(outline))
    )


def _size_of(file: Path) -> int:
    """Return the size of a file, 0 if there is none."""
    try:
        return file.stat().st_size if file.is_file() else 0
    except OSError:
        return 0
