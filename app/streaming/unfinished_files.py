"""The files that a stream is making: they grow under another name until all are whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from app.conversion.type_plan import TypePlan
from app.conversion.writer import ModelFile
from app.core.files import raising_app_errors, replace
from app.gguf_file.header_writer import header_bytes
from app.library.stream_journal import StreamedFile, part_of

_BLOCK_BYTES = 512


def planned_file(path: Path, plan: TypePlan) -> StreamedFile:
    """Return the identity of a planned file."""
    header = header_bytes(plan.metadata, plan.tensors)
    return StreamedFile(str(path), plan.size_bytes, hashlib.sha256(header).hexdigest())


def are_growing(files: Iterable[StreamedFile]) -> bool:
    """Return whether all files that an earlier run was writing are still there."""
    return all(_size_of(file.part) == file.size_bytes for file in files)


def are_whole(files: Iterable[StreamedFile]) -> bool:
    """Return whether all complete files are still there; some may have their names already."""
    return all(
        _size_of(file.part if file.part.exists() else Path(file.path)) == file.size_bytes
        for file in files
    )


def remove_parts(files: Iterable[StreamedFile]) -> None:
    """Remove what an earlier run has written."""
    for file in files:
        file.part.unlink(missing_ok=True)


@contextmanager
def opened(plans: Mapping[Path, TypePlan], *, is_new: bool) -> Iterator[list[ModelFile]]:
    """Open the files to write to; new ones have their size and their header already.

    Raises:
        AppError: `disk_full`, `folder_not_writable`, inside the block, too.
    """
    with raising_app_errors(next(iter(plans)).parent), ExitStack() as stack:
        models = []
        for path, plan in plans.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            part = stack.enter_context(part_of(path).open("w+b" if is_new else "r+b"))
            model = ModelFile(part, plan)
            if is_new:
                # A hole: what is never written is the padding between tensors.
                part.truncate(plan.size_bytes)
                model.begin()
            models.append(model)
        yield models


def present_bytes(files: Iterable[StreamedFile]) -> int:
    """Return the space that an earlier run has taken already."""
    return sum(_taken_bytes(file.part) for file in files)


def sync(models: Iterable[ModelFile]) -> None:
    """Write what has been written to the disk."""
    for model in models:
        model.file.flush()
        os.fsync(model.file.fileno())


def keep(paths: Iterable[Path]) -> None:
    """Give whole files their names; those that have them already are left out.

    Raises:
        AppError: `folder_not_writable`.
    """
    for path in paths:
        with raising_app_errors(path.parent):
            if part_of(path).exists():
                replace(part_of(path), path)


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _taken_bytes(path: Path) -> int:
    try:
        status = path.stat()
    except OSError:
        return 0
    # Windows doesn't tell how much of a file is a hole.
    return getattr(status, "st_blocks", 0) * _BLOCK_BYTES
