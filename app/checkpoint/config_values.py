"""Find impossible values in `config.json`: the converter rejects some and accepts others."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from app.core.language import tr

_COUNTS_OF_MODEL = frozenset(
    {"hidden_size", "num_hidden_layers", "vocab_size", "max_position_embeddings"}
)
_COUNTS_OF_LAYER = frozenset(
    {
        "intermediate_size",
        "num_attention_heads",
        "num_key_value_heads",
        "head_dim",
        "sliding_window",
        "num_experts",
        "num_local_experts",
        "n_routed_experts",
        "num_experts_per_tok",
        "moe_intermediate_size",
    }
)
"""Some models list them layer by layer."""
_NUMBERS = frozenset(
    {
        "rope_theta",
        "rms_norm_eps",
        "layer_norm_eps",
        "layer_norm_epsilon",
        "partial_rotary_factor",
        "final_logit_softcapping",
        "attn_logit_softcapping",
        "routed_scaling_factor",
    }
)
_TOKENS = ("bos_token_id", "eos_token_id")
_POSITIONS = ("rope_scaling", "rope_parameters")
_UNSCALED = frozenset({"default", "mrope"})


def impossible_value(config: dict[str, Any]) -> str | None:
    """Return the first value that no model can have, such as “num_attention_heads is 0”."""
    return next(_impossible(config), None)


def doubtful_values(config: dict[str, Any]) -> list[str]:
    """Return each value that the converter accepts silently although no model can have it.

    As “says nan in rope_theta”.
    """
    return list(_doubtful(config))


def rope_scaling_method(config: dict[str, Any]) -> str | None:
    """Return the RoPE scaling method, if any: its type, or else the name of the field."""
    for place in (config, config.get("text_config")):
        fields = _position_fields(place)
        # With an alpha it is the base that is changed.
        if "alpha" in fields:
            continue
        kind = fields.get("rope_type", fields.get("type"))
        if isinstance(kind, str) and kind not in _UNSCALED:
            return kind
        if kind is None and isinstance(fields.get("factor"), int | float):
            return "factor"
    return None


def _position_fields(place: Any) -> dict[str, Any]:
    found = [place.get(key) for key in _POSITIONS] if isinstance(place, dict) else []
    return next((fields for fields in found if isinstance(fields, dict)), {})


def _impossible(config: dict[str, Any]) -> Iterator[str]:
    for key, value in config.items():
        if isinstance(value, dict):
            yield from _impossible(value)
        elif key in _POSITIONS and isinstance(value, str):
            yield tr(
                "{key} is {value}, but should have several fields",
                value=_in_words(value),
                key=key,
            )
        elif not _is_possible(key, value):
            yield tr("{key} is {value}", value=_in_words(value), key=key)
    heads, shared = config.get("num_attention_heads"), config.get("num_key_value_heads")
    if isinstance(heads, int) and isinstance(shared, int) and shared > 0 and heads % shared:
        yield tr(
            "its {heads} num_attention_heads can't share {shared} num_key_value_heads",
            heads=heads,
            shared=shared,
        )


def _doubtful(config: dict[str, Any]) -> Iterator[str]:
    for key, value in config.items():
        if key in _POSITIONS and isinstance(value, dict):
            # The converter then uses its own numbers; for other kinds it warns that it can't.
            if value.get("rope_type", value.get("type")) == "llama3" and "factor" not in value:
                yield tr("has no factor in {key}", key=key)
        elif isinstance(value, dict):
            yield from _doubtful(value)
        elif isinstance(value, bool | float) and not _is_possible(key, value):
            yield tr("says {value} in {key}", value=_in_words(value), key=key)
        elif key in _TOKENS and isinstance(value, str | float):
            yield tr(
                "says {value} in {key}, which is not the number of a token",
                value=_in_words(value),
                key=key,
            )


def _is_possible(key: str, value: Any) -> bool:
    if value is None or (key in _COUNTS_OF_LAYER and isinstance(value, list)):
        return True
    if key in _COUNTS_OF_MODEL or key in _COUNTS_OF_LAYER:
        return isinstance(value, int) and not isinstance(value, bool) and value > 0
    if key in _NUMBERS:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and math.isfinite(value)
    return True


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"“{value}”" if isinstance(value, str) else str(value)
