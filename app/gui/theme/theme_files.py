"""Keep the images and lists that Qt reads from files, in the data folder."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from app.core import paths


def theme_file(name: str, content: str) -> Path:
    """Write a file of the theme unless it is there already, and return its path.

    On a full disk it may be missing: a control without its mark is better than no window.

    Args:
        name: path below the folder of the theme's files, with `/`.
        content: the file's text.
    """
    file = paths.theme_folder() / name
    with suppress(OSError):
        if not file.is_file() or file.read_bytes() != content.encode():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode())
    return file
