"""Read a checkpoint's small files: JSON documents, and Git LFS pointers in place of files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec

from app.core.errors import AppError, ErrorCode, unreadable_file
from app.core.language import tr

# Beside the configuration, what the converter reads.
TOKENIZER_DOCUMENTS = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
_TOKENIZER = re.compile(r"(tokenizer|.*vocab.*|merges|tekken|spiece)\.\w+|.*\.(model|tiktoken)")
_POINTER = b"version https://git-lfs"
_LARGEST_POINTER = 1024
_LARGEST_DOCUMENT = 64 * 2**20


def read_document(file: Path) -> dict[str, Any]:
    """Read a JSON file whose outermost value is an object.

    Raises:
        AppError: `config_damaged`, `lfs_pointer`, `file_unreadable`.
    """
    require_not_lfs_pointer(file)
    if file.stat().st_size > _LARGEST_DOCUMENT:
        raise damaged_document(file, tr("it is too large"))
    try:
        # Not its bytes as they are, of which it would guess the encoding: the converter does not.
        document = json.loads(file.read_bytes().decode())
    except ValueError as error:
        raise damaged_document(file, tr("it is not JSON: {error}", error=error)) from error
    except RecursionError as error:
        raise damaged_document(file, tr("it is nested too deeply")) from error
    except OSError as error:
        raise unreadable_file(file, error) from error
    if not isinstance(document, dict):
        raise damaged_document(file, tr("it is not a JSON object"))
    return document


def require_document(file: Path) -> None:
    """Check, in a tenth of the time, that `read_document` could read the file.

    Raises:
        AppError: what `read_document` raises.
    """
    require_not_lfs_pointer(file)
    try:
        msgspec.json.decode(file.read_bytes().decode(), type=dict[str, msgspec.Raw])
    except (OSError, ValueError, RecursionError):
        # Strictly it is none, but Python's reader is not as strict, and knows what is wrong.
        read_document(file)


def holds_tokenizer(folder: Path) -> bool:
    """Return whether there is a file in `folder` that could contain a vocabulary."""
    return any(_TOKENIZER.fullmatch(file.name) for file in folder.iterdir())


def require_not_lfs_pointer(file: Path) -> None:
    """Check that the file is the content itself, not a Git LFS pointer.

    Raises:
        AppError: `lfs_pointer`, `file_unreadable`.
    """
    try:
        if file.stat().st_size > _LARGEST_POINTER:
            return
        with file.open("rb") as opened:
            is_pointer = opened.read(len(_POINTER)) == _POINTER
    except OSError as error:
        raise unreadable_file(file, error) from error
    if is_pointer:
        raise AppError(ErrorCode.LFS_POINTER, file=file.name)


def damaged_document(file: Path, reason: str) -> AppError:
    """Return the error for a JSON file with unusable content."""
    return AppError(ErrorCode.CONFIG_DAMAGED, file=file.name, reason=reason)
