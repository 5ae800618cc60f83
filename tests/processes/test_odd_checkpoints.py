"""The verb `convert` on checkpoints that are sound in an unusual way, or not, and what it says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.conversion.loadability import require_loadable
from app.core.errors import ErrorCode
from app.gguf_file.header_reader import read_array, read_header
from app.jobs.outcome import EXIT_FAILED
from tests.support.checkpoints.architectures import make_checkpoint
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.checkpoints.other_sources import make_adapter
from tests.support.engine.llama_cpp_tools import converted_by_llama_cpp, quantized_by_llama_cpp
from tests.support.machine.verbs import Ended, run_verb, sentence_of

pytestmark = pytest.mark.slow

_VERSIONS = ("4.57.6", "5.23.0")
_LEVELS = ("Q4_K_M", "Q8_0", "BF16")
_WITHOUT_LAYERS = "which the weights lack"


@pytest.fixture(autouse=True)
def _converter(converter: Path) -> Path:
    return converter


def convert(source: Path, target: Path, *options: str, levels: tuple[str, ...] = ("F32",)) -> Ended:
    chosen = [word for level in levels for word in ("--level", level)]
    return run_verb("convert", str(source), *chosen, "--to", str(target), *options)


def planned(source: Path, *options: str) -> Ended:
    return run_verb("convert", str(source), "--level", "F32", "--dry-run", *options)


def change(file: Path, change_in: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(file.read_text())
    change_in(document)
    file.write_text(json.dumps(document))


def complaints(ended: Ended) -> str:
    return "\n".join(ended.complaints)


def assert_refused(ended: Ended, code: ErrorCode, **details: str) -> None:
    assert ended.status == 1
    assert sentence_of(code, **details).fullmatch(ended.complaints[-1]), ended.complaints


def test_a_model_inside_another_one_has_the_bytes_of_llama_cpp(
    tmp_path: Path, converter: Path
) -> None:
    source = make_checkpoint("Ministral3Config", tmp_path / "model")
    ended = convert(source, tmp_path / "made", levels=_LEVELS)
    assert ended.status == 0, ended.complaints
    reference = converted_by_llama_cpp(source, converter, "bf16", tmp_path)
    for level in _LEVELS:
        made = (tmp_path / "made" / f"model-{level}.gguf").read_bytes()
        assert made == quantized_by_llama_cpp(reference, level), level


def test_an_adapter_of_a_model_inside_another_one_is_refused(tmp_path: Path) -> None:
    base = make_checkpoint("Ministral3Config", tmp_path / "base")
    source = make_adapter(tmp_path / "tuned", str(base))
    ended = convert(source, tmp_path / "made")
    # llama.cpp's own script writes the base model in its place.
    assert_refused(ended, ErrorCode.CONVERTER_FAILED)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("configuration", ["Qwen3_5TextConfig", "Qwen3NextConfig"])
def test_layers_that_are_claimed_and_absent_are_left_out(
    configuration: str, tmp_path: Path, converter: Path
) -> None:
    source = make_checkpoint(configuration, tmp_path / "model")
    ended = convert(source, tmp_path / "made", levels=_LEVELS)
    assert ended.status == 0, ended.complaints
    assert complaints(ended).count(_WITHOUT_LAYERS) == 1
    reference = converted_by_llama_cpp(source, converter, "bf16", tmp_path, "--no-mtp")
    for level in _LEVELS:
        made = (tmp_path / "made" / f"model-{level}.gguf").read_bytes()
        assert made == quantized_by_llama_cpp(reference, level), level


def test_layers_are_counted_by_their_tensors(tmp_path: Path, converter: Path) -> None:
    source = make_checkpoint("Glm4MoeConfig", tmp_path / "model")
    assert_refused(planned(source), ErrorCode.TOKEN_MISSING, token="[gMASK]")
    names = ("[gMASK]", "<sop>", "<|user|>", "<|endoftext|>", "<|observation|>", "<|system|>")
    _add_tokens(source, *names)
    ended = convert(source, tmp_path / "made", levels=_LEVELS)
    assert ended.status == 0, ended.complaints
    assert _WITHOUT_LAYERS in complaints(ended)
    reference = converted_by_llama_cpp(source, converter, "bf16", tmp_path, "--no-mtp")
    for level in _LEVELS:
        made = (tmp_path / "made" / f"model-{level}.gguf").read_bytes()
        assert made == quantized_by_llama_cpp(reference, level), level


def _add_tokens(source: Path, *names: str) -> None:
    """Rename tokens at the end of the vocabulary."""

    def rename(document: dict[str, Any]) -> None:
        known = {token["content"] for token in document["added_tokens"]}
        for number, name in enumerate(name for name in names if name not in known):
            document["added_tokens"].append(
                {
                    **document["added_tokens"][0],
                    "id": len(document["model"]["vocab"]) + number,
                    "content": name,
                }
            )

    change(source / "tokenizer.json", rename)
    tokens = json.loads((source / "tokenizer.json").read_text())["added_tokens"]
    count = 1 + max(token["id"] for token in tokens)
    change(source / "config.json", lambda config: config.update(vocab_size=max(count, 49_152)))
    _widen(source / "model.safetensors", max(count, 49_152))


def _widen(file: Path, count: int) -> None:
    from safetensors.torch import load_file, save_file
    from torch import zeros

    tensors = load_file(file)
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        wider = zeros((count, tensors[name].shape[1]), dtype=tensors[name].dtype)
        wider[: len(tensors[name])] = tensors[name]
        tensors[name] = wider
    save_file(tensors, file, metadata={"format": "pt"})


@pytest.mark.parametrize("name", ["my-finetune.safetensors", "my-{number:05}-of-00002.safetensors"])
def test_weights_of_another_name_are_found(name: str, tmp_path: Path) -> None:
    parts = 2 if "{" in name else 1
    usual = make_tiny_checkpoint(tmp_path / "usual" / "tiny", layers=2, shards=parts)
    source = tmp_path / "tiny"
    shutil.copytree(usual, source)
    for number, file in enumerate(sorted(source.glob("*.safetensors")), 1):
        file.rename(source / name.format(number=number))
    for index in source.glob("*.index.json"):
        index.unlink()
    assert convert(source, tmp_path / "made.gguf").status == 0
    assert convert(usual, tmp_path / "usual.gguf").status == 0
    assert (tmp_path / "made.gguf").read_bytes() == (tmp_path / "usual.gguf").read_bytes()


def test_weights_that_could_be_anything_are_named(tmp_path: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny")
    (source / "model.safetensors").rename(source / "one.safetensors")
    shutil.copy(source / "one.safetensors", source / "other.safetensors")
    files = "one.safetensors, other.safetensors"
    assert_refused(planned(source), ErrorCode.WEIGHTS_OF_OTHER_NAMES, files=files)


def test_what_a_path_is_decides_not_its_name(tmp_path: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "X.GGUF")
    ended = convert(source, tmp_path / "made")
    assert ended.status == 0, ended.complaints
    (made,) = (tmp_path / "made").iterdir()
    plain = made.rename(tmp_path / "weights.bin")
    into = tmp_path / "folder.gguf"
    into.mkdir()
    assert convert(plain, into, levels=("Q8_0",)).status == 0
    assert [file.name for file in into.iterdir()] == ["weights-Q8_0.gguf"]


def test_positions_that_are_not_scaled_are_told(tmp_path: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny")
    scaling = {"rope_type": "proportional", "factor": 8.0}
    change(source / "config.json", lambda config: config.update(rope_scaling=scaling))
    for verb in ("convert", "estimate"):
        options = ("--dry-run",) if verb == "convert" else ("--typical-quality",)
        ended = run_verb(verb, str(source), *options)
        assert ended.status == 0, ended.complaints
        assert complaints(ended).count("proportional") == 1


def test_a_sound_checkpoint_has_nothing_to_say(tmp_path: Path) -> None:
    for source in (
        make_tiny_checkpoint(tmp_path / "tiny"),
        make_checkpoint("Qwen3Config", tmp_path / "qwen"),
    ):
        ended = convert(source, tmp_path / "made")
        assert ended.status == 0
        assert not [line for line in ended.complaints if "warns" in line or "cuts" in line]


def test_tokens_that_differ_from_their_source_are_told(tmp_path: Path) -> None:
    source = make_checkpoint("Qwen3Config", tmp_path / "model")
    ended = convert(source, tmp_path / "made.gguf")
    assert ended.status == 0, ended.complaints
    file = source / "tokenizer.json"
    assert require_loadable(tmp_path / "made.gguf", file).difference is None
    tokens = json.loads(file.read_text())["added_tokens"]
    number, known = tokens[3]["id"], tokens[3]["content"]

    def rename(document: dict[str, Any]) -> None:
        document["added_tokens"][3]["content"] = "<|lost|>"
        document["model"]["vocab"]["<|lost|>"] = document["model"]["vocab"].pop(known)

    change(file, rename)
    difference = require_loadable(tmp_path / "made.gguf", file).difference
    assert difference is not None
    assert difference.details["text"] == "<|lost|>"
    assert difference.details["expected"] == f"[{number}]"


@pytest.mark.parametrize("saved_by", _VERSIONS)
def test_tokens_of_tokenizer_json_alone_are_there(saved_by: str, tmp_path: Path) -> None:
    source = make_checkpoint("Qwen3Config", tmp_path / "model", vocab_size=49_153)
    change(source / "config.json", lambda config: config.update(transformers_version=saved_by))
    document = json.loads((source / "tokenizer.json").read_text())
    old = {str(token["id"]): token for token in document["added_tokens"]}
    new = {**document["added_tokens"][3], "id": 49_152, "content": "Clause 7B", "special": False}
    change(source / "tokenizer.json", lambda one: one["added_tokens"].append(new))
    # tokenizer_config.json lists only the old tokens, which transformers 5 uses.
    listed = {"tokenizer_class": "GPT2Tokenizer", "added_tokens_decoder": old}
    change(source / "tokenizer_config.json", lambda config: config.update(listed))
    ended = convert(source, tmp_path / "made.gguf")
    assert (ended.status, ended.complaints) == (0, ["Planning", "Converting"])
    header = read_header(tmp_path / "made.gguf")
    assert read_array(header, "tokenizer.ggml.tokens")[49_152] == "Clause 7B"
    # LLAMA_TOKEN_TYPE_USER_DEFINED
    assert read_array(header, "tokenizer.ggml.token_type")[49_152] == 4


@pytest.mark.parametrize("saved_by", _VERSIONS)
def test_a_pre_tokenizer_that_nobody_knows_is_refused(saved_by: str, tmp_path: Path) -> None:
    source = make_checkpoint("Qwen3Config", tmp_path / "model")
    change(source / "config.json", lambda config: config.update(transformers_version=saved_by))
    split = {"type": "Split", "pattern": {"Regex": r"\d{1,5}|\s+"}, "behavior": "Isolated"}
    letters = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
    own = {
        "type": "Sequence",
        "pretokenizers": [split | {"invert": False}, letters | {"trim_offsets": True}],
    }
    change(source / "tokenizer.json", lambda one: one.update(pre_tokenizer=own))
    change(
        source / "tokenizer_config.json",
        lambda config: config.update(tokenizer_class="GPT2Tokenizer"),
    )
    ended = planned(source)
    assert ended.status == EXIT_FAILED
    assert "pre-tokenizer was not recognized" in ended.complaints[-1]


def test_a_name_that_misleads_llama_cpp_is_told(tmp_path: Path) -> None:
    ended = planned(make_checkpoint("Qwen3Config", tmp_path / "my-phi3"))
    assert ended.status == EXIT_FAILED
    assert "rename the folder" in ended.complaints[-1]


def test_a_configuration_without_architecture_is_named(tmp_path: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny")
    change(source / "config.json", lambda config: config.pop("architectures"))
    assert_refused(planned(source), ErrorCode.ARCHITECTURE_UNNAMED)


def test_a_tokenizer_of_another_kind_is_to_be_copied(tmp_path: Path) -> None:
    source = make_checkpoint("Gemma2Config", tmp_path / "gemma")
    (source / "tokenizer.model").rename(source / "tokenizer.json")
    (source / "tokenizer.json").write_text("{}")
    ended = planned(source)
    assert_refused(ended, ErrorCode.TOKENIZER_MISSING, file="tokenizer.model")
    assert "Copy it from the model" in ended.complaints[-1]


def test_eight_bits_of_bitsandbytes_are_named(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file
    from torch import ones

    source = make_tiny_checkpoint(tmp_path / "tiny")
    tensors = load_file(source / "model.safetensors")
    tensors["model.layers.0.mlp.up_proj.SCB"] = ones(512)
    save_file(tensors, source / "model.safetensors", metadata={"format": "pt"})
    code = ErrorCode.QUANTIZATION_UNSUPPORTED
    assert_refused(planned(source), code, method="bitsandbytes, 8 bits")


def test_baichuan_is_refused_in_words(tmp_path: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny")
    names = {"architectures": ["BaichuanForCausalLM"], "model_type": "baichuan"}
    change(source / "config.json", lambda config: config.update(names))
    ended = planned(source)
    assert_refused(ended, ErrorCode.CONVERTER_FAILED)
    assert "recursion" not in ended.complaints[-1]


@pytest.mark.parametrize(
    ("changes", "alpha", "factor"),
    [
        ({}, 16.0, 1.0),
        ({"use_rslora": True}, 16 * 8**0.5, 1.0),
        ({"alpha_pattern": {"q_proj": 64}}, 16.0, 4.0),
    ],
)
def test_an_adapter_is_as_strong_as_in_peft(
    changes: dict[str, Any], alpha: float, factor: float, tmp_path: Path
) -> None:
    import numpy as np
    from safetensors.numpy import load_file

    base = make_tiny_checkpoint(tmp_path / "tiny")
    source = make_adapter(tmp_path / "tuned", str(base))
    change(source / "adapter_config.json", lambda config: config.update(changes))
    made = tmp_path / "made.gguf"
    ended = convert(source, made)
    assert ended.status == 0, ended.complaints
    header = read_header(made)
    assert header.metadata["adapter.lora.alpha"] == pytest.approx(alpha)
    weights = load_file(source / "adapter_model.safetensors")
    for name, theirs, times in (
        ("attn_v", "self_attn.v_proj", 1),
        ("attn_q", "self_attn.q_proj", factor),
    ):
        (tensor,) = (one for one in header.tensors if one.name == f"blk.0.{name}.weight.lora_b")
        offset = header.data_offset + tensor.offset
        found = np.fromfile(made, np.float32, tensor.size_bytes // 4, offset=offset)
        original = weights[f"base_model.model.model.layers.0.{theirs}.lora_B.weight"]
        # The converter changes the order of the rows of queries.
        assert np.sort(found) == pytest.approx(np.sort(times * original.ravel()))


def test_a_field_of_an_adapter_that_can_not_be_is_named(tmp_path: Path) -> None:
    base = make_tiny_checkpoint(tmp_path / "tiny")
    source = make_adapter(tmp_path / "tuned", str(base))
    change(source / "adapter_config.json", lambda config: config.update(use_dora=True))
    code = ErrorCode.ADAPTER_FIELD_UNSUPPORTED
    assert_refused(planned(source), code, field="“use_dora”")


def test_a_value_that_stops_the_converter_is_named_with_its_key(tmp_path: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "model")
    change(source / "config.json", lambda config: config.update(num_attention_heads=0))
    ended = planned(source)
    reason = "num_attention_heads is 0"
    assert_refused(ended, ErrorCode.CONFIG_DAMAGED, file="config.json", reason=reason)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("hidden_size", True, "hidden_size is true"),
        ("hidden_size", None, "it gives no value for hidden_size"),
        ("rms_norm_eps", None, "it gives no value for rms_norm_eps"),
    ],
)
def test_a_value_that_llama_cpp_stops_at_is_not_blamed_on_the_weights(
    key: str, value: object, reason: str, tmp_path: Path
) -> None:
    source = make_tiny_checkpoint(tmp_path / "model")
    change(source / "config.json", lambda config: config.update({key: value}))
    ended = planned(source)
    assert_refused(ended, ErrorCode.CONFIG_DAMAGED, file="config.json", reason=reason)
    assert "nevertheless" not in complaints(ended)


def test_a_value_that_the_converter_takes_in_silence_is_told(tmp_path: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "model")
    scaling = {"rope_type": "llama3"}
    change(source / "config.json", lambda config: config.update(rope_scaling=scaling))
    ended = planned(source)
    assert ended.status == 0
    assert "config.json has no factor in rope_scaling" in complaints(ended)


@pytest.mark.parametrize(("kind", "is_told"), [("dynamic", True), ("linear", False)])
def test_a_scaling_that_the_converter_leaves_out_is_told(
    kind: str, is_told: bool, tmp_path: Path
) -> None:
    source = make_tiny_checkpoint(tmp_path / "model")
    scaling = {"type": kind, "factor": 2.0}
    change(source / "config.json", lambda config: config.update(rope_scaling=scaling))
    ended = planned(source)
    assert ended.status == 0
    assert ("scales positions" in complaints(ended)) is is_told
    # The converter has a warning of its own, which is the same said twice.
    assert "RoPE" not in complaints(ended)
