"""A value of config.json that can't be right is blamed rather than the weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.conversion.config_blame import blaming_config
from app.conversion.layout.layout import Layout
from app.core.errors import AppError, ErrorCode

SOUND = {"hidden_size": 64, "num_hidden_layers": 2, "rms_norm_eps": 1e-5}
METADATA = {
    "llama.embedding_length": b"",
    "llama.block_count": b"",
    "llama.attention.layer_norm_rms_epsilon": b"",
}
WITHOUT_EPSILON = (
    "error loading model hyperparameters: key not found in model: "
    "llama.attention.layer_norm_rms_epsilon"
)


def blamed(
    folder: Path,
    config: dict[str, Any],
    without: str = "",
    reason: str = "no such tensor",
) -> AppError:
    (folder / "config.json").write_text(json.dumps(config))
    metadata = {key: entry for key, entry in METADATA.items() if key != without}
    with pytest.raises(AppError) as raised, blaming_config(folder, Layout("llama", metadata, ())):
        raise AppError(ErrorCode.CHECKPOINT_REJECTED, reason=reason)
    return raised.value


@pytest.mark.parametrize(
    ("change", "without", "reason", "words"),
    [
        ({"hidden_size": True}, "", "shapes", "hidden_size is true"),
        (
            {"hidden_size": None},
            "llama.embedding_length",
            "width",
            "it gives no value for hidden_size",
        ),
        (
            {"rms_norm_eps": None},
            "llama.attention.layer_norm_rms_epsilon",
            WITHOUT_EPSILON,
            "it gives no value for rms_norm_eps",
        ),
    ],
)
def test_a_field_of_config_json_is_named(
    change: dict[str, Any], without: str, reason: str, words: str, tmp_path: Path
) -> None:
    error = blamed(tmp_path, SOUND | change, without, reason)
    assert error.code is ErrorCode.CONFIG_DAMAGED
    assert error.details == {"file": "config.json", "reason": words}


def test_the_weights_are_blamed_where_config_json_is_sound(tmp_path: Path) -> None:
    assert blamed(tmp_path, SOUND).code is ErrorCode.CHECKPOINT_REJECTED
    # What the converter has lost is not the fault of the file.
    error = blamed(tmp_path, SOUND, "llama.attention.layer_norm_rms_epsilon", WITHOUT_EPSILON)
    assert error.code is ErrorCode.CHECKPOINT_REJECTED
