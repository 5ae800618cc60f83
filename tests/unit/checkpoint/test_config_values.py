"""Values of config.json that can't be meant are named, and no others."""

from __future__ import annotations

from typing import Any

import pytest

from app.checkpoint.config_values import (
    doubtful_values,
    impossible_value,
    rope_scaling_method,
)

SOUND: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000,
    "rope_scaling": {"rope_type": "llama3", "factor": 8.0},
    "eos_token_id": [1, 2],
    "vocab_size": 512,
    "head_dim": None,
    "tie_word_embeddings": True,
}


def test_sound_values_are_not_named() -> None:
    assert impossible_value(SOUND) is None
    assert doubtful_values(SOUND) == []


@pytest.mark.parametrize("key", ["num_key_value_heads", "intermediate_size", "sliding_window"])
def test_layers_may_differ(key: str) -> None:
    assert impossible_value(SOUND | {key: [1, 0]}) is None


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("num_attention_heads", 0, "num_attention_heads is 0"),
        ("rope_theta", "big", "rope_theta is “big”"),
        ("num_hidden_layers", "one", "num_hidden_layers is “one”"),
        ("max_position_embeddings", 2048.5, "max_position_embeddings is 2048.5"),
        ("hidden_size", [256], "hidden_size is [256]"),
        ("vocab_size", -1, "vocab_size is -1"),
        ("rope_scaling", "linear", "rope_scaling is “linear”, but should have several fields"),
        ("text_config", {"head_dim": 0}, "head_dim is 0"),
    ],
)
def test_an_impossible_value_is_named_with_its_key(key: str, value: object, named: str) -> None:
    assert impossible_value(SOUND | {key: value}) == named


def test_heads_that_can_not_be_shared_are_named() -> None:
    fault = impossible_value(SOUND | {"num_key_value_heads": 3})
    assert fault == "its 4 num_attention_heads can't share 3 num_key_value_heads"


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("rope_theta", float("nan"), "says nan in rope_theta"),
        ("num_hidden_layers", True, "says true in num_hidden_layers"),
        ("rope_scaling", {"rope_type": "llama3"}, "has no factor in rope_scaling"),
        (
            "eos_token_id",
            "two",
            "says “two” in eos_token_id, which is not the number of a token",
        ),
        ("text_config", {"rms_norm_eps": float("inf")}, "says inf in rms_norm_eps"),
    ],
)
def test_what_the_converter_takes_in_silence_is_doubted(
    key: str, value: object, named: str
) -> None:
    assert doubtful_values(SOUND | {key: value}) == [named]


@pytest.mark.parametrize(
    ("scaling", "kind"),
    [
        ({"type": "dynamic", "factor": 2.0}, "dynamic"),
        ({"rope_type": "longrope"}, "longrope"),
        ({"factor": 2.0}, "factor"),
        ({"rope_type": "default"}, None),
        ({"type": "dynamic", "alpha": 1000.0, "factor": 1.0}, None),
        ({"full_attention": {"rope_type": "linear"}}, None),
        (None, None),
    ],
)
@pytest.mark.parametrize("is_inside", [False, True])
def test_the_way_positions_are_scaled_is_found(
    scaling: object, kind: str | None, is_inside: bool
) -> None:
    fields = {"rope_scaling": scaling}
    assert rope_scaling_method({"text_config": fields} if is_inside else fields) == kind
