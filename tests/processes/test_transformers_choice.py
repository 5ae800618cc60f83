"""Checkpoints read with the version of transformers that they were saved for, or with the other."""

from __future__ import annotations

import json
import re
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from app.conversion.converter.transformers_choice import Transformers
from app.core.errors import ErrorCode
from app.gguf_file.header_reader import read_array, read_header
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.checkpoints.own_pre_tokenizer import (
    make_llama_3_as_gpt2,
    make_llama_as_deepseek_v3,
)
from tests.support.checkpoints.registered_architectures import (
    make_registered,
    registered_checkpoint,
)
from tests.support.engine.llama_cpp_tools import converted_by_llama_cpp, quantized_by_llama_cpp
from tests.support.hub.local_hub import LocalHub
from tests.support.machine.verbs import Ended, run_verb, sentence_of

pytestmark = pytest.mark.slow

_PINNED, _OWN = "4.57.6", metadata.version("transformers")
_NEW_FIELDS = ("transformers_version", "layers_block_type", "mtp_layers_block_type")
_OF_EXPERTS = (
    "num_experts_per_tok",
    "n_routed_experts",
    "n_shared_experts",
    "n_group",
    "topk_group",
)


@pytest.fixture(autouse=True)
def _converter(converter: Path) -> Path:
    return converter


def copied(architecture: str, saved_by: Transformers, folder: Path, **changes: Any) -> Path:
    """A copy of a checkpoint with another config.json; a value of None takes a field out."""
    make_registered([architecture], saved_by)
    source = registered_checkpoint(architecture, saved_by)
    assert source is not None
    shutil.copytree(source, folder)
    config = json.loads((folder / "config.json").read_text()) | changes
    kept = {name: value for name, value in config.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(kept))
    return folder


def name_tokenizer(source: Path, tokenizer_class: str) -> None:
    """Give a checkpoint's tokenizer the name of a class."""
    place = source / "tokenizer_config.json"
    tokenizer = json.loads(place.read_text()) | {"tokenizer_class": tokenizer_class}
    place.write_text(json.dumps(tokenizer))


def converted(source: Path) -> tuple[Path, Ended]:
    file = source.parent / "made.gguf"
    ended = run_verb("convert", str(source), "--level", "BF16", "--to", str(file), "--verbose")
    return file, ended


def versions_named(ended: Ended) -> list[str]:
    """Return the versions reported to read the checkpoint."""
    return re.findall(r"transformers ([\d.]+\d)", "\n".join(ended.lines))


def test_a_model_that_no_version_has_keeps_its_pattern(tmp_path: Path, converter: Path) -> None:
    old = dict.fromkeys((*_NEW_FIELDS, *_OF_EXPERTS))
    pattern = {"hybrid_override_pattern": "M*M-", "num_hidden_layers": 4}
    source = copied("NemotronHForCausalLM", "own", tmp_path / "model", **old, **pattern)
    name_tokenizer(source, "GPT2Tokenizer")
    file, ended = converted(source)
    assert ended.status == 0, ended.complaints
    assert versions_named(ended) == [_PINNED]
    assert read_array(read_header(file), "nemotron_h.attention.head_count_kv") == (0, 2, 0, 0)
    assert file.read_bytes() == reference(source, converter)


def test_a_pre_tokenizer_of_its_own_is_the_one_that_counts(tmp_path: Path, converter: Path) -> None:
    source = make_llama_3_as_gpt2(tmp_path / "model", converter)
    file, ended = converted(source)
    assert ended.status == 0, ended.complaints
    assert read_header(file).metadata["tokenizer.ggml.pre"] == "llama-bpe"
    assert file.read_bytes() == reference(source, converter)


def test_a_beginning_that_only_one_version_puts_is_put(tmp_path: Path, converter: Path) -> None:
    source = make_llama_as_deepseek_v3(tmp_path / "model")
    file, ended = converted(source)
    assert ended.status == 0, ended.complaints
    assert versions_named(ended) == [_PINNED]
    assert read_header(file).metadata["tokenizer.ggml.pre"] == "deepseek-v3"
    assert file.read_bytes() == reference(source, converter)


def test_no_class_puts_a_token_of_its_own_in_a_configuration(
    tmp_path: Path, converter: Path
) -> None:
    source = copied("HunYuanDenseV1ForCausalLM", "pinned", tmp_path / "model", eod_token_id=None)
    file, ended = converted(source)
    assert ended.status == 0, ended.complaints
    assert file.read_bytes() == reference(source, converter)
    assert read_header(file).metadata["tokenizer.ggml.eos_token_id"] == 2


def test_what_the_first_version_can_not_read_is_read_with_the_other(tmp_path: Path) -> None:
    source = copied("Qwen3ForCausalLM", "pinned", tmp_path / "model")
    name_tokenizer(source, "Qwen3_5Tokenizer")
    _, ended = converted(source)
    assert ended.status == 0, ended.complaints
    assert versions_named(ended)[-1] == _OWN


@pytest.mark.parametrize("verb", ["get", "convert", "estimate"])
def test_a_repository_is_read_with_the_other_version_too(
    verb: str, tmp_path: Path, known_machine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = copied("Qwen3ForCausalLM", "pinned", tmp_path / "model")
    name_tokenizer(source, "Qwen3_5Tokenizer")
    monkeypatch.setenv("HF_TOKEN", "hf_accepted")
    with LocalHub() as hub:
        hub.accepted_tokens.add("hf_accepted")
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        hub.add_repository("owner/model", source, private=True, lfs_above_bytes=100_000)
        options = () if verb == "estimate" else ("--level", "BF16", "--to", str(tmp_path / "made"))
        ended = run_verb(verb, "owner/model", *options)
    assert ended.status == 0, ended.complaints


def test_the_fault_is_that_of_the_version_that_it_was_made_for(tmp_path: Path) -> None:
    source = copied("BambaForCausalLM", "pinned", tmp_path / "model", attn_layer_indices=None)
    file, ended = converted(source)
    assert ended.status == 1
    assert sentence_of(ErrorCode.CONVERTER_FAILED).fullmatch(ended.complaints[-1])
    assert "attn_layer_period" in ended.complaints[-1]
    assert not file.exists()


@pytest.mark.parametrize(("saved_by", "version"), [("4.57.6", _PINNED), ("5.23.0", _OWN)])
def test_the_version_is_told(saved_by: str, version: str, tmp_path: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "model")
    config = json.loads((source / "config.json").read_text())
    config["transformers_version"] = saved_by
    (source / "config.json").write_text(json.dumps(config))
    ended = run_verb("convert", str(source), "--level", "BF16", "--dry-run", "--verbose")
    assert ended.status == 0, ended.complaints
    assert versions_named(ended) == [version]


def reference(source: Path, converter: Path) -> bytes:
    """Convert with llama.cpp in the environment that it pins."""
    file = converted_by_llama_cpp(source, converter, "bf16", source.parent)
    return quantized_by_llama_cpp(file, "BF16")
