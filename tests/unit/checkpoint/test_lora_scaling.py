"""The strength of an adapter, against PEFT's formula."""

from __future__ import annotations

from math import sqrt
from typing import Any

import pytest

from app.checkpoint.lora_scaling import lora_scaling, module_of, unknown_fields
from app.core.errors import AppError, ErrorCode

_PLAIN: dict[str, Any] = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "bias": "none"}
_QUERY, _VALUE = "model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.v_proj"


def strengths(config: dict[str, Any], ranks: dict[str, int]) -> dict[str, float]:
    """What llama.cpp multiplies by: the shared alpha over the rank, and the factor in B."""
    alpha, factors = lora_scaling(config).shared(ranks)
    return {module: alpha / rank * factors.get(module, 1) for module, rank in ranks.items()}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (16 / 8, 16 / 4)),
        ({"use_rslora": True}, (16 / sqrt(8), 16 / sqrt(4))),
        ({"alpha_pattern": {"q_proj": 64}}, (64 / 8, 16 / 4)),
        ({"alpha_pattern": {"self_attn.v_proj": 3}}, (16 / 8, 3 / 4)),
        ({"alpha_pattern": {r"layers\.\d+\.self_attn\.[qv]_proj": 5}}, (5 / 8, 5 / 4)),
        ({"alpha_pattern": {"proj": 64}}, (16 / 8, 16 / 4)),
        ({"alpha_pattern": {"q_proj": 64}, "use_rslora": True}, (64 / sqrt(8), 16 / sqrt(4))),
        ({"rank_pattern": {"v_proj": 4}, "init_lora_weights": "gaussian"}, (16 / 8, 16 / 4)),
    ],
)
def test_every_module_has_the_strength_that_peft_gives_it(
    changes: dict[str, Any], expected: tuple[float, float]
) -> None:
    found = strengths(_PLAIN | changes, {_QUERY: 8, _VALUE: 4})
    assert tuple(found.values()) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("use_dora", True),
        ("bias", "all"),
        ("bias", "lora_only"),
        ("lora_bias", True),
        ("fan_in_fan_out", True),
        ("modules_to_save", ["lm_head"]),
        ("layer_replication", [[0, 4]]),
        ("target_parameters", ["mlp.experts.gate_up_proj"]),
        ("trainable_token_indices", [7]),
        ("init_lora_weights", "pissa_niter_16"),
    ],
)
def test_a_field_that_can_not_be_honored_is_named(name: str, value: object) -> None:
    with pytest.raises(AppError) as raised:
        lora_scaling(_PLAIN | {name: value})
    assert raised.value.code is ErrorCode.ADAPTER_FIELD_UNSUPPORTED
    assert name in str(raised.value.details["field"])


@pytest.mark.parametrize(
    "changes",
    [
        {"lora_alpha": None},
        {"lora_alpha": 0},
        {"lora_alpha": "16"},
        {"alpha_pattern": ["q_proj"]},
        {"alpha_pattern": {"q_proj": None}},
        {"alpha_pattern": {"(": 4}},
    ],
)
def test_a_damaged_field_is_the_configurations_fault(changes: dict[str, Any]) -> None:
    with pytest.raises(AppError) as raised:
        lora_scaling(_PLAIN | changes)
    assert raised.value.code is ErrorCode.CONFIG_DAMAGED
    assert raised.value.details["file"] == "adapter_config.json"


def test_unknown_fields_are_those_that_have_a_value() -> None:
    config = _PLAIN | {"use_dora": False, "use_new_trick": True, "other_trick": None}
    assert unknown_fields(config) == ["use_new_trick"]


@pytest.mark.parametrize(
    ("tensor", "module"),
    [
        (f"base_model.model.{_QUERY}.lora_A.weight", _QUERY),
        (f"base_model.model.{_QUERY}.lora_B.weight", _QUERY),
        ("base_model.model.model.embed_tokens.lora_embedding_A", "model.embed_tokens"),
        ("base_model.model.model.norm.weight", None),
    ],
)
def test_a_tensor_belongs_to_a_module(tensor: str, module: str | None) -> None:
    assert module_of(tensor) == module
