"""Trace errors that llama.cpp reports about weights to impossible values in config.json."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.checkpoint.config import read_config
from app.checkpoint.config_values import impossible_value
from app.checkpoint.documents import damaged_document
from app.conversion.layout.layout import Layout
from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.gguf_file.config_fields import config_field

_BLAMABLE = frozenset(
    {ErrorCode.CONVERTER_FAILED, ErrorCode.TENSOR_UNKNOWN, ErrorCode.CHECKPOINT_REJECTED}
)
_KEY_NOT_FOUND = re.compile(r"key not found in model: (\S+)")
_NEEDED = ("embedding_length", "block_count")
"""Keys that the converter leaves out when it finds no value, and that every model has."""


@contextmanager
def blaming_config(checkpoint: Path | None, layout: Layout | None = None) -> Iterator[None]:
    """Name the value of config.json that made the converter or the engine stop, if there is one.

    Where they accept it, there may be a model that it means something in.

    Args:
        checkpoint: The folder; None for a source without config.json.
        layout: What the converter made of it, once it has.

    Raises:
        AppError: `config_damaged` in the place of a less exact error.
    """
    try:
        yield
    except AppError as error:
        if checkpoint is None or error.code not in _BLAMABLE:
            raise
        config = read_config(checkpoint)
        fault = impossible_value(config)
        if fault is None and layout is not None:
            fault = _missing_value(config, layout, str(error.details.get("reason", "")))
        if fault is None:
            raise
        raise damaged_document(checkpoint / "config.json", fault) from error


def _missing_value(config: dict[str, Any], layout: Layout, reason: str) -> str | None:
    keys = [f"{layout.architecture}.{key}" for key in _NEEDED]
    for key in (*keys, *_KEY_NOT_FOUND.findall(reason)):
        field = config_field(key)
        if key not in layout.metadata and field and not _has_value(config, field):
            return tr("it gives no value for {field}", field=field)
    return None


def _has_value(config: dict[str, Any], field: str) -> bool:
    parts: Collection[Any] = (config, *config.values())
    return any(isinstance(part, dict) and part.get(field) is not None for part in parts)
