"""Recognize GGUF files by their content; the name decides only where nothing could be read."""

from __future__ import annotations

from pathlib import Path

MAGIC = b"GGUF"
SUFFIX = ".gguf"


def is_gguf_file(path: Path) -> bool:
    """Return whether a file is GGUF by its first bytes, or is damaged and was meant to be."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            beginning = file.read(len(MAGIC))
    except OSError:
        beginning = b""
    return beginning == MAGIC or has_gguf_name(path.name)


def has_gguf_name(name: str) -> bool:
    """Return whether a file with this name is meant to be GGUF."""
    return name.casefold().endswith(SUFFIX)
