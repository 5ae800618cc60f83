"""The files that come with the program, found alike in a checkout, installed and packaged."""

from __future__ import annotations

import sys
from pathlib import Path

# PyInstaller keeps each module's path in its folder, so that one rule holds for all three.
_ROOT = Path(__file__).parents[2]


def resource(*names: str) -> Path:
    """The path of a file or folder in `resources`, such as `resource("icons", "chat.svg")`."""
    return _ROOT.joinpath("resources", *names)


def is_packaged() -> bool:
    """Whether this is the program that PyInstaller made, which starts itself without Python."""
    return bool(getattr(sys, "frozen", False))


def packaged_folders(name: str) -> list[Path]:
    """The folder `name` that the packaged program brings along; none in a checkout."""
    return [_ROOT / name] if is_packaged() else []
