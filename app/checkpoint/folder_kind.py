"""Recognize what a folder holds, from its file names and config.json only.

Nothing here reads weights, so that the window may ask too.
"""

from __future__ import annotations

from pathlib import Path

from app.checkpoint.config import read_config
from app.core.errors import AppError

ADAPTER_CONFIGURATION = "adapter_config.json"
OUTLINE_MARK = ".gristmill.outline"
"""The name of a file in folders whose weight files are only headers, each followed by a hole."""
OUTLINE_SCALARS = "scalars"
"""The content of that file when the smallest tensors came with the headers."""
LARGEST_SCALAR_BYTES = 64
"""Values that the converter reads while it lays a model out: scales, or numbers of a function."""
_SENSES = ("vision_config", "audio_config")


def is_adapter(folder: Path) -> bool:
    """Return whether the folder holds an adapter rather than a whole model."""
    return (folder / ADAPTER_CONFIGURATION).is_file() and not (folder / "config.json").is_file()


def is_outline(folder: Path) -> bool:
    """Return whether the folder is an outline: only the sizes of its weights are known."""
    return (folder / OUTLINE_MARK).is_file()


def holds_scalars(folder: Path) -> bool:
    """Return whether an outline has the values of tensors up to `LARGEST_SCALAR_BYTES`."""
    return (folder / OUTLINE_MARK).read_text("utf-8") == OUTLINE_SCALARS


def is_multimodal(folder: Path) -> bool:
    """Return whether the checkpoint in `folder` has a vision or audio part."""
    try:
        config = read_config(folder)
    except (AppError, OSError):
        return False
    return any(isinstance(config.get(sense), dict) for sense in _SENSES)
