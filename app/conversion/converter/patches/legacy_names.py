"""Translate names that transformers writes into those that llama.cpp's converter reads."""

from __future__ import annotations

from typing import Any

_GRANITE_LAYERS = {"linear_attention": "mamba", "full_attention": "attention"}
_NEMOTRON_LAYERS = {"linear_attention": "M", "full_attention": "*", "mlp": "-"}
_NEMOTRON_LIST = "layers_block_type"
_EXPERTS = (
    "num_experts_per_tok",
    "n_routed_experts",
    "n_shared_experts",
    "n_group",
    "topk_group",
)
_TOWER, _KNOWN_TOWER = "vision_tower.", "vision_tower.vision_model."


def rename_legacy_keys(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return a checkpoint's configuration with the names that the converter reads.

    transformers 5 writes no `n_ctx` for GPT-2 any more, and moved `rotary_pct` of GPT-NeoX into
    `rope_parameters`; it has other names for the kinds of layers of Granite-H, and lists those of
    Nemotron-H, with experts whether or not there are any (conversion/gpt2.py, gptneox.py,
    granite.py and nemotron.py read the old fields).
    """
    settled = dict(parameters)
    kind = parameters.get("model_type")
    if kind == "gpt2" and "n_positions" in parameters:
        settled.setdefault("n_ctx", parameters["n_positions"])
    if kind == "gpt_neox":
        rope = parameters.get("rope_parameters") or {}
        if "partial_rotary_factor" in rope:
            settled.setdefault("rotary_pct", rope["partial_rotary_factor"])
    if kind == "granitemoehybrid" and (layers := parameters.get("layer_types")):
        settled["layer_types"] = [_GRANITE_LAYERS.get(layer, layer) for layer in layers]
    if kind == "nemotron_h" and _is_nemotron_without_experts(parameters):
        letters = map(_NEMOTRON_LAYERS.__getitem__, parameters[_NEMOTRON_LIST])
        settled["hybrid_override_pattern"] = "".join(letters)
        for name in _EXPERTS:
            settled.pop(name, None)
    return settled


def _is_nemotron_without_experts(parameters: dict[str, Any]) -> bool:
    """Return whether the layers are listed and none has experts: the only kind it can read."""
    layers = parameters.get(_NEMOTRON_LIST) or ()
    return len(layers) > 0 and _NEMOTRON_LAYERS.keys() >= set(layers)


def rename_legacy_tensors(model: Any) -> None:
    """Rename the tensors of a converter model to the names that the converter knows.

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
