"""What a checkpoint's small files may say, and what would lead the converter astray."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.checkpoint.config import architecture_in, read_config
from app.checkpoint.documents import holds_tokenizer
from app.checkpoint.weight_files import list_weights, locate
from app.core.errors import AppError, ErrorCode


def with_config(folder: Path, **values: object) -> Path:
    (folder / "config.json").write_text(json.dumps(values))
    return folder


@pytest.mark.parametrize("names", [None, [], ["LlamaForCausalLM"], ["A", "B"]])
def test_the_architecture_is_the_first_name(names: list[str] | None, tmp_path: Path) -> None:
    config = read_config(with_config(tmp_path, architectures=names))
    assert architecture_in(config) == (names[0] if names else "")


@pytest.mark.parametrize("names", ["LlamaForCausalLM", [3], {"a": 1}, [["A"]], 7])
def test_an_architecture_that_is_no_text_is_refused(names: object, tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        read_config(with_config(tmp_path, architectures=names))
    assert caught.value.code is ErrorCode.CONFIG_DAMAGED


@pytest.mark.parametrize(
    "values",
    [
        {"num_hidden_layers": 126, "vocab_size": 262_144},
        {"n_layer": 1024},
        {"text_config": {"num_hidden_layers": 80}},
        {"vocab_size": None, "num_layers": "many"},
        {"max_position_embeddings": 10**9},
    ],
)
def test_what_real_models_claim_is_taken(values: dict[str, object], tmp_path: Path) -> None:
    assert read_config(with_config(tmp_path, **values)) == values


@pytest.mark.parametrize(
    "values",
    [
        {"num_hidden_layers": 1025},
        {"n_layers": 10**12},
        {"num_layers": 1e300},
        {"vocab_size": 10**9},
        {"text_config": {"deeper": {"n_layer": 10**6}}},
    ],
)
def test_what_would_keep_the_converter_busy_for_ever_is_refused(
    values: dict[str, object], tmp_path: Path
) -> None:
    with pytest.raises(AppError) as caught:
        read_config(with_config(tmp_path, **values))
    assert caught.value.code is ErrorCode.CONFIG_DAMAGED
    assert "it claims" in str(caught.value.details["reason"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tokenizer.json", True),
        ("tokenizer.model", True),
        ("vocab.json", True),
        ("vocab.txt", True),
        ("rwkv_vocab_v20230424.txt", True),
        ("qwen.tiktoken", True),
        ("tekken.json", True),
        ("spiece.model", True),
        ("tokenizer_config.json", False),
        ("special_tokens_map.json", False),
        ("model.safetensors", False),
    ],
)
def test_files_that_hold_a_vocabulary(name: str, expected: bool, tmp_path: Path) -> None:
    (tmp_path / "config.json").touch()
    (tmp_path / name).touch()
    assert holds_tokenizer(tmp_path) is expected


def test_numbered_shards_call_for_their_fellows(tmp_path: Path) -> None:
    (tmp_path / "model-00002-of-00003.safetensors").touch()
    names = list_weights(tmp_path).names
    assert names == tuple(f"model-0000{number}-of-00003.safetensors" for number in (1, 2, 3))
    with pytest.raises(AppError) as caught:
        locate(tmp_path, names[0])
    assert caught.value.code is ErrorCode.MISSING_SHARD
