"""The small files of a checkpoint: JSON documents, and pointers in the place of files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from app.core.errors import AppError, ErrorCode

_POINTER = b"version https://git-lfs"
_LARGEST_POINTER = 1024
_LARGEST_DOCUMENT = 64 * 2**20


def read_document(file: Path) -> dict[str, Any]:
    """A JSON file whose outermost value is an object.

    Raises:
        AppError: `config_damaged`, `lfs_pointer`, `file_unreadable`.
    """
    require_no_pointer(file)
    if file.stat().st_size > _LARGEST_DOCUMENT:
        raise _damaged(file, "it is too large")
    try:
        document = json.loads(file.read_bytes())
    except ValueError as error:
        raise _damaged(file, f"it is not JSON: {error}") from error
    except RecursionError as error:
        raise _damaged(file, "it is nested too deeply") from error
    except OSError as error:
        raise unreadable(file, error) from error
    if not isinstance(document, dict):
        raise _damaged(file, "it is not a JSON object")
    return document


def require_no_pointer(file: Path) -> None:
    """Check that Git has put the file itself there, not a pointer to it.

    Raises:
        AppError: `lfs_pointer`, `file_unreadable`.
    """
    try:
        if file.stat().st_size > _LARGEST_POINTER:
            return
        with file.open("rb") as opened:
            is_pointer = opened.read(len(_POINTER)) == _POINTER
    except OSError as error:
        raise unreadable(file, error) from error
    if is_pointer:
        raise AppError(ErrorCode.LFS_POINTER, file=file.name)


def unreadable(file: Path, error: OSError) -> AppError:
    """The error of a file that the system does not let us read."""
    reason = error.strerror or "unknown"
    return AppError(ErrorCode.FILE_UNREADABLE, file=file.name, reason=reason)


def _damaged(file: Path, reason: str) -> AppError:
    return AppError(ErrorCode.CONFIG_DAMAGED, file=file.name, reason=reason)
