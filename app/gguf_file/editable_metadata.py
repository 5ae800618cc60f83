"""The metadata that may be changed without touching the weights, and the values it may have."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.core.recommended_sampling import SAMPLING_KEYS, recommendation
from app.gguf_file.header_reader import STRING

TEMPLATE_KEY = "tokenizer.chat_template"
TEXT_KEYS = ("general.name", "general.author", "general.license")
EDITABLE_KEYS = (*TEXT_KEYS, TEMPLATE_KEY, *SAMPLING_KEYS.values())
LONGEST_TEMPLATE_BYTES = 2**20
_LONGEST_TEXT = 1024
_SAMPLING_NAMES = {key: name for name, key in SAMPLING_KEYS.items()}
_NEEDED = frozenset(
    {
        "general.architecture",
        "general.type",
        "general.alignment",
        "general.file_type",
        "general.quantization_version",
    }
)
_DESCRIPTIVE = ("general.", "quantize.imatrix.")
_INT32, _FLOAT32 = 5, 6
_NUMBERS = {_INT32: struct.Struct("<i"), _FLOAT32: struct.Struct("<f")}
_LENGTH, _KIND = struct.Struct("<Q"), struct.Struct("<I")

MetadataValue = str | int | float
MetadataChanges = Mapping[str, MetadataValue | None]
"""New values by metadata key; None removes the entry."""


def is_removable(key: str) -> bool:
    """Return whether a file works without an entry, which only describes or recommends."""
    return key == TEMPLATE_KEY or (key.startswith(_DESCRIPTIVE) and key not in _NEEDED)


def parsed_value(key: str, text: str) -> MetadataValue:
    """Return the value that a user typed for an editable key.

    Raises:
        AppError: `metadata_fixed`, `metadata_invalid`.
    """
    if key in _SAMPLING_NAMES:
        try:
            return recommendation(_SAMPLING_NAMES[key], text)
        except ValueError as error:
            raise _invalid(key, str(error)) from error
    if key not in EDITABLE_KEYS:
        raise AppError(ErrorCode.METADATA_FIXED, key=key)
    if fault := _fault_of_template(text) if key == TEMPLATE_KEY else _fault_of_text(text):
        raise _invalid(key, fault)
    return text


def entry_bytes(key: str, value: MetadataValue) -> bytes:
    """Return an entry as it stands in a file: key, type and value."""
    head = _packed(key)
    if isinstance(value, str):
        return head + _KIND.pack(STRING) + _packed(value)
    kind = _INT32 if isinstance(value, int) else _FLOAT32
    return head + _KIND.pack(kind) + _NUMBERS[kind].pack(value)


def _packed(text: str) -> bytes:
    raw = text.encode()
    return _LENGTH.pack(len(raw)) + raw


def _invalid(key: str, reason: str) -> AppError:
    return AppError(ErrorCode.METADATA_INVALID, key=key, reason=reason)


def _fault_of_text(text: str) -> str:
    if not text.strip():
        return tr("it is empty; remove the entry instead")
    if len(text) > _LONGEST_TEXT:
        return tr("it is longer than {count} characters", count=f"{_LONGEST_TEXT:,}")
    if not text.isprintable():
        return tr("it contains control characters or line breaks")
    return ""


def _fault_of_template(text: str) -> str:
    if not text.strip():
        return tr("it is empty; remove the entry instead")
    # llama.cpp takes it as a C string.
    if "\0" in text:
        return tr("it contains a NUL character")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return tr("it contains characters that UTF-8 can't encode")
    return tr("it is larger than 1 MB") if size > LONGEST_TEMPLATE_BYTES else ""
