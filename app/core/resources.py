"""Files that come with the program, in a checkout, installed or packaged."""

from __future__ import annotations

import sys
from pathlib import Path

# PyInstaller keeps modules' paths within its folder, so one rule covers all three.
_ROOT = Path(__file__).parents[2]


def resource(*names: str) -> Path:
    """Return a path in `resources`, such as `resource("icons", "chat.svg")`."""
    return _ROOT.joinpath("resources", *names)


def is_packaged() -> bool:
    """Return whether this is the PyInstaller bundle, which runs without a Python installation."""
    return bool(getattr(sys, "frozen", False))


def packaged_folders(name: str) -> list[Path]:
    """Return the folder `name` of the packaged program; empty in a checkout."""
    return [_ROOT / name] if is_packaged() else []
