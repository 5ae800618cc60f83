"""Read a checkpoint's `config.json`; refuse it where it would mislead the converter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.checkpoint.documents import damaged_document, read_document
from app.core.errors import AppError, ErrorCode
from app.core.language import tr

_NAME = "config.json"
# The converter counts up to these numbers; the largest models have 130 layers, 300,000 tokens.
_LARGEST_CLAIMS = {"vocab_size": 2**24} | dict.fromkeys(
    ("num_hidden_layers", "num_layers", "n_layers", "n_layer", "num_decoder_layers"), 1024
)


def read_config(folder: Path) -> dict[str, Any]:
    """Read the configuration of the checkpoint in `folder`.

    Raises:
        AppError: `not_a_checkpoint`, and what `app.checkpoint.documents.read_document` raises.
    """
    file = folder / _NAME
    if not file.is_file():
        raise AppError(ErrorCode.NOT_A_CHECKPOINT, folder=str(folder))
    config = read_document(file)
    names = config.get("architectures")
    if names and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise damaged_document(file, tr("it does not name its architecture as text"))
    if excess := _excessive_claim(config):
        raise damaged_document(file, excess)
    return config


def architecture_in(config: dict[str, Any]) -> str:
    """Return the first class name that the configuration gives; empty when there is none."""
    return next(iter(config.get("architectures") or []), "")


def _excessive_claim(config: dict[str, Any]) -> str | None:
    for key, value in config.items():
        if isinstance(value, dict) and (excess := _excessive_claim(value)):
            return excess
        largest = _LARGEST_CLAIMS.get(key)
        if largest and isinstance(value, int | float) and value > largest:
            return tr("it claims {value} in {key}", value=value, key=key)
    return None
