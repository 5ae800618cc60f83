"""Where what transformers writes and what llama.cpp's converter reads have drifted apart."""

from __future__ import annotations

from typing import Any

_TOWER, _KNOWN_TOWER = "vision_tower.", "vision_tower.vision_model."


def settle(parameters: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint's configuration with the names that the converter asks for.

    transformers 5 writes no `n_ctx` for GPT-2 any more, and moved `rotary_pct` of GPT-NeoX into
    `rope_parameters` (conversion/gpt2.py and gptneox.py still read the old names).
    """
    settled = dict(parameters)
    kind = parameters.get("model_type")
    if kind == "gpt2" and "n_positions" in parameters:
        settled.setdefault("n_ctx", parameters["n_positions"])
    if kind == "gpt_neox":
        rope = parameters.get("rope_parameters") or {}
        if "partial_rotary_factor" in rope:
            settled.setdefault("rotary_pct", rope["partial_rotary_factor"])
    return settled


def settle_names(model: Any) -> None:
    """Give the tensors of a converter's model the names that it knows.

    transformers 5 saves the vision tower of Gemma 3 without `vision_model` in the names
    (gguf-py/gguf/tensor_mapping.py knows them with it).
    """
    settled = {}
    for name, load in model.model_tensors.items():
        item = (name, load)
        if _lacks_vision_model(model, name):
            item = model.filter_tensors((name.replace(_TOWER, _KNOWN_TOWER, 1), load))
        if item is not None:
            settled[item[0]] = item[1]
    model.model_tensors = settled


def _lacks_vision_model(model: Any, name: str) -> bool:
    if not name.startswith(_TOWER) or name.startswith(_KNOWN_TOWER):
        return False
    return model.tensor_map.get_name(name, try_suffixes=(".weight", ".bias")) is None
