"""Accept model cards that gguf can't use: they add metadata, and must not stop a conversion."""

from __future__ import annotations

import functools
import logging
from pathlib import Path
from typing import Any


@functools.cache
def tolerate_odd_model_cards() -> None:
    """Skip the metadata of a README.md whose YAML can't be read, rather than fail."""
    from gguf import Metadata

    load = Metadata.load_model_card

    def load_if_readable(folder: Path | None = None) -> dict[str, Any]:
        try:
            card: dict[str, Any] = _as_texts(load(folder))
        except Exception:
            # YAML is a large language, with errors of many kinds.
            logging.getLogger(__name__).exception("ignoring the model card")
            return {}
        return card

    Metadata.load_model_card = load_if_readable


def _as_texts(value: Any) -> Any:
    """Return values that YAML parsed as numbers, dates or Booleans as the card's original text."""
    match value:
        case dict():
            return {key: _as_texts(one) for key, one in value.items()}
        case list():
            return [_as_texts(one) for one in value]
        case bool():
            # The language “no” above all.
            return "yes" if value else "no"
        case None | str():
            return value
    return str(value)
