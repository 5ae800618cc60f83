"""Presets: named load options in a file that can be shared."""

from __future__ import annotations

from collections.abc import Container
from itertools import count
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.core.errors import AppError, ErrorCode, system_reason
from app.core.files import write_atomically
from app.core.load_options import LoadOptions

LONGEST_NAME = 80
_LARGEST_FILE_BYTES = 2**20


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """Load options and their name."""

    version: Literal[1] = 1
    name: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
    options: LoadOptions


def read_preset(file: Path) -> Preset:
    """Read a preset from a file.

    Raises:
        AppError: `file_unreadable`; `preset_invalid` if it is not a preset, has another version
            or a value out of bounds.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(_LARGEST_FILE_BYTES)
    except OSError as error:
        reason = system_reason(error, type(error).__name__)
        raise AppError(ErrorCode.FILE_UNREADABLE, file=str(file), reason=reason) from error
    try:
        return msgspec.json.decode(content, type=Preset)
    except (ValueError, RecursionError) as error:
        raise AppError(ErrorCode.PRESET_INVALID, file=file.name, reason=str(error)) from error


def write_preset(file: Path, preset: Preset) -> None:
    """Write a preset, or leave the old file untouched.

    Raises:
        AppError: `file_busy`, `folder_not_writable`, `disk_full`.
    """
    write_atomically(file, msgspec.json.format(msgspec.json.encode(preset), indent=2) + b"\n")


def unique_name(name: str, taken: Container[str]) -> str:
    """Return the name, or the first of `name (2)`, `name (3)`, … that is not taken."""
    if name not in taken:
        return name
    return next(other for number in count(2) if (other := f"{name} ({number})") not in taken)
