"""The verb `convert` on everything that is no plain checkpoint."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.core.errors import ErrorCode
from app.core.events import TensorPlanned
from app.core.levels import LEVELS
from app.gguf_file.header_reader import read_header
from app.native.importance_matrix import (
    Activations,
    ImportanceMatrix,
    save_importance_matrix,
)
from tests.support.checkpoints.architectures import make_checkpoint
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.checkpoints.other_sources import (
    BAITED_PICKLES,
    make_adapter,
    make_baited_pickle,
    make_pickled,
    make_seeing_gemma,
    with_published_names,
)
from tests.support.checkpoints.quantized_checkpoints import make_quantized
from tests.support.engine.llama_cpp_tools import (
    adapter_by_llama_cpp,
    converted_by_llama_cpp,
    quantized_by_llama_cpp,
)
from tests.support.machine.verbs import Ended, run_verb, sentence_of, started

pytestmark = pytest.mark.slow

_PLAIN_LEVELS = ("F32", "F16", "BF16", "Q8_0")
_REQUANTIZED = ("Q4_K_M", "Q6_K", "IQ4_XS", "Q8_0", "F16")


@pytest.fixture(autouse=True)
def _converter(converter: Path) -> Path:
    return converter


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return tmp_path / "made"


def convert(source: Path, made: Path, levels: tuple[str, ...], *options: str) -> Ended:
    chosen = [word for level in levels for word in ("--level", level)]
    return run_verb("convert", str(source), *chosen, "--to", str(made), *options)


def converted(source: Path, made: Path, levels: tuple[str, ...], *options: str) -> Ended:
    ended = convert(source, made, levels, *options)
    assert ended.status == 0, ended.complaints
    return ended


def assert_refused(ended: Ended, made: Path, code: ErrorCode, **details: str) -> None:
    assert ended.status == 1
    assert sentence_of(code, **details).fullmatch(ended.complaints[-1]), ended.complaints
    assert not made.exists()


@pytest.mark.parametrize("outtype", ["f32", "f16", "bf16", "q8_0"])
def test_a_gguf_file_is_quantized_as_llama_cpp_does_it(
    outtype: str, tmp_path: Path, made: Path, converter: Path
) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny", layers=2)
    file = converted_by_llama_cpp(source, converter, outtype, tmp_path)
    converted(file, made, _REQUANTIZED)
    for level in _REQUANTIZED:
        reference = quantized_by_llama_cpp(file, level, allow_requantize=True)
        assert (made / f"{outtype}-{level}.gguf").read_bytes() == reference, level


def test_a_split_gguf_file_becomes_one(tmp_path: Path, made: Path, converter: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny", layers=2)
    file = converted_by_llama_cpp(source, converter, "bf16", tmp_path, "--split-max-tensors", "7")
    parts = sorted(tmp_path.glob("bf16-*.gguf"))
    assert len(parts) > 2
    assert not file.exists()
    converted(parts[0], made, ("Q4_K_M",))
    (result,) = made.iterdir()
    assert result.name == "bf16-Q4_K_M.gguf"
    assert result.read_bytes() == quantized_by_llama_cpp(parts[0], "Q4_K_M")


def test_a_gguf_file_that_has_lost_already_loses_again_with_consent_alone(
    tmp_path: Path, made: Path
) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny")
    converted(source, tmp_path / "first", ("Q4_K_M",))
    first = tmp_path / "first" / "tiny-Q4_K_M.gguf"
    ended = convert(first, made, ("Q2_K",))
    code = ErrorCode.WEIGHTS_QUANTIZED_ALREADY
    assert_refused(ended, made, code, holder="token_embd.weight", type="q4_K")
    converted(first, made, ("Q2_K", "COPY"), "--requantize")
    for level in ("Q2_K", "COPY"):
        reference = quantized_by_llama_cpp(first, level, allow_requantize=True)
        assert (made / f"tiny-{level}.gguf").read_bytes() == reference, level


def test_a_projector_has_the_bytes_of_llama_cpp(
    tmp_path: Path, made: Path, converter: Path
) -> None:
    source = make_seeing_gemma(tmp_path / "gemma")
    published = with_published_names(source, tmp_path / "published")
    converted(source, made, _PLAIN_LEVELS, "--mmproj")
    for level in _PLAIN_LEVELS:
        outtype = level.lower()
        reference = converted_by_llama_cpp(published, converter, outtype, tmp_path, "--mmproj")
        content = (made / f"mmproj-gemma-{level}.gguf").read_bytes()
        assert content == reference.read_bytes(), level


def test_what_has_no_projector_is_said(tmp_path: Path, made: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny")
    ended = convert(source, made, ("F16",), "--mmproj")
    assert_refused(ended, made, ErrorCode.PROJECTOR_MISSING, architecture="LlamaForCausalLM")
    ended = convert(make_seeing_gemma(tmp_path / "gemma"), made, ("Q4_K_M",), "--mmproj")
    assert_refused(ended, made, ErrorCode.LEVEL_NOT_OFFERED, level="Q4_K_M")


def test_an_adapter_has_the_bytes_of_llama_cpp(
    tmp_path: Path, made: Path, home: Path, converter: Path
) -> None:
    base = make_tiny_checkpoint(home / "checkpoints" / "owner" / "tiny")
    (base / "model.safetensors").unlink()
    source = make_adapter(tmp_path / "tuned", "owner/tiny")
    converted(source, made, _PLAIN_LEVELS)
    for level in _PLAIN_LEVELS:
        reference = adapter_by_llama_cpp(source, base, converter, level.lower(), tmp_path)
        content = (made / f"tuned-{level}-LoRA.gguf").read_bytes()
        assert content == reference.read_bytes(), level


def test_an_adapter_of_a_model_that_is_not_here_is_said(tmp_path: Path, made: Path) -> None:
    source = make_adapter(tmp_path / "tuned", "owner/absent")
    ended = convert(source, made, ("F16",))
    assert_refused(ended, made, ErrorCode.ADAPTER_BASE_MISSING, base="owner/absent")
    base = make_tiny_checkpoint(tmp_path / "tiny")
    converted(source, made, ("F16",), "--base", str(base))


def test_an_adapter_that_names_no_model_is_said(tmp_path: Path, made: Path) -> None:
    ended = convert(make_adapter(tmp_path / "tuned", ""), made, ("F16",))
    assert_refused(ended, made, ErrorCode.ADAPTER_BASE_UNNAMED)


def test_what_can_not_be_an_adapter_is_said(tmp_path: Path, made: Path) -> None:
    base = str(make_tiny_checkpoint(tmp_path / "tiny"))
    odd = make_adapter(tmp_path / "odd", base, kind="VERA")
    assert_refused(convert(odd, made, ("F16",)), made, ErrorCode.ADAPTER_UNSUPPORTED, kind="VERA")
    empty = make_adapter(tmp_path / "empty", base)
    (empty / "adapter_model.safetensors").unlink()
    ended = convert(empty, made, ("F16",))
    assert_refused(ended, made, ErrorCode.CHECKPOINT_WITHOUT_WEIGHTS, folder=str(empty))
    tuned = make_adapter(tmp_path / "tuned", base)
    options = ("--calibration", str(tuned / "adapter_config.json"))
    ended = convert(tuned, made, ("F16",), *options)
    assert_refused(ended, made, ErrorCode.IMPORTANCE_NOT_OFFERED)


@pytest.mark.parametrize("shards", [1, 3])
def test_pickled_weights_give_the_same_with_consent(
    shards: int, tmp_path: Path, made: Path
) -> None:
    plain = make_tiny_checkpoint(tmp_path / "plain" / "tiny")
    pickled = make_pickled(tmp_path / "tiny", shards=shards)
    ended = convert(pickled, made, ("Q4_K_M",))
    assert_refused(ended, made, ErrorCode.PICKLE_WEIGHTS, folder=str(pickled))
    converted(pickled, made, ("Q4_K_M",), "--allow-pickle")
    converted(plain, tmp_path / "wanted", ("Q4_K_M",))
    name = "tiny-Q4_K_M.gguf"
    assert (made / name).read_bytes() == (tmp_path / "wanted" / name).read_bytes()


@pytest.mark.parametrize("kind", BAITED_PICKLES)
def test_code_in_a_pickle_never_runs(kind: str, tmp_path: Path, made: Path) -> None:
    marker = tmp_path / "marker"
    source = make_baited_pickle(kind, tmp_path / "tiny", marker)
    ended = convert(source, made, ("Q8_0",), "--allow-pickle")
    assert ended.status == 1
    assert "pytorch_model.bin" in ended.complaints[-1]
    assert not marker.exists()
    assert not made.exists()


@pytest.mark.parametrize("method", ["gptq", "fp8", "int8", "packed"])
def test_quantized_checkpoints_give_what_llama_cpp_makes_of_them(
    method: str, tmp_path: Path, made: Path, converter: Path
) -> None:
    source = make_quantized(method, tmp_path / method)
    levels = ("Q4_K_M", "Q8_0", "F32")
    converted(source, made, levels)
    reference = converted_by_llama_cpp(source, converter, "f32", tmp_path)
    for level in levels:
        content = (made / f"{method}-{level}.gguf").read_bytes()
        assert content == quantized_by_llama_cpp(reference, level), level


@pytest.mark.parametrize("method", ["awq", "bitsandbytes"])
def test_a_quantization_that_can_not_be_read_is_said(
    method: str, tmp_path: Path, made: Path
) -> None:
    source = make_quantized(method, tmp_path / method)
    ended = convert(source, made, ("Q4_K_M",))
    assert_refused(ended, made, ErrorCode.QUANTIZATION_UNSUPPORTED, method=method)


def test_a_quantization_that_is_odd_is_said(tmp_path: Path, made: Path) -> None:
    source = make_quantized("packed", tmp_path / "packed")
    file = source / "config.json"
    file.write_text(file.read_text().replace('"strategy": "group"', '"strategy": "tensor"'))
    ended = convert(source, made, ("Q4_K_M",))
    code = ErrorCode.QUANTIZATION_UNSUPPORTED
    assert_refused(ended, made, code, method="compressed-tensors")


def test_a_tokenizer_file_that_is_missing_is_named(tmp_path: Path, made: Path) -> None:
    source = make_checkpoint("Phi3Config", tmp_path / "model")
    shutil.move(source / "tokenizer.model", source / "vocab.txt")
    ended = convert(source, made, ("Q4_K_M",))
    assert_refused(ended, made, ErrorCode.TOKENIZER_MISSING, file="tokenizer.model")


def test_a_model_card_that_can_not_be_read_is_left_out(tmp_path: Path, made: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny")
    converted(source, tmp_path / "wanted", ("Q8_0",))
    (source / "README.md").write_text("---\ntags: [a, b\nlicense: : {\n---\nA model.\n")
    converted(source, made, ("Q8_0",))
    name = "tiny-Q8_0.gguf"
    assert (made / name).read_bytes() == (tmp_path / "wanted" / name).read_bytes()


def test_odd_values_in_a_model_card_are_text(tmp_path: Path, made: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny")
    card = "---\nlanguage: [en, no]\nlicense: 3.0\ntags: [2024-01-01, x]\n---\n"
    (source / "README.md").write_text(card)
    converted(source, made, ("Q8_0",))
    metadata = read_header(made / "tiny-Q8_0.gguf").metadata
    assert metadata["general.languages"] == ("en", "no")
    assert metadata["general.license"] == "3.0"
    assert metadata["general.tags"] == ("2024-01-01", "x")


@pytest.mark.parametrize("level", ["IQ2_XXS", "Q2_K_S", "IQ3_XXS"])
def test_an_importance_matrix_that_lacks_a_tensor_is_refused_where_llama_cpp_does(
    level: str, tmp_path: Path, made: Path
) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny")
    names = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up")
    rows = Activations(np.ones((1, 256), np.float32), np.ones(1, np.int64))
    entries = {f"blk.0.{name}.weight": rows for name in names}
    matrix = tmp_path / "matrix.gguf"
    save_importance_matrix(matrix, ImportanceMatrix(entries, 2, 512))
    ended = convert(source, made, (level,), "--imatrix", str(matrix))
    code = ErrorCode.IMPORTANCE_MATRIX_INCOMPLETE
    assert_refused(ended, made, code, tensor="blk.0.ffn_down.weight")
    converted(source, made, ("Q4_K_M",), "--imatrix", str(matrix))


@pytest.mark.parametrize(
    ("option", "code"),
    [
        ("--output-type=iq2_xxs", ErrorCode.TYPE_NEEDS_IMPORTANCE_MATRIX),
        ("--embedding-type=iq2_xs", ErrorCode.TYPE_NEEDS_IMPORTANCE_MATRIX),
        ("--type=ffn_down=iq1_s", ErrorCode.TYPE_NEEDS_IMPORTANCE_MATRIX),
        ("--output-type=i32", ErrorCode.TYPE_UNKNOWN),
        ("--embedding-type=q8_K", ErrorCode.TYPE_UNKNOWN),
        ("--type=ffn_up=q8_1", ErrorCode.TYPE_UNKNOWN),
    ],
)
def test_a_type_that_ggml_would_end_at_is_refused(
    option: str, code: ErrorCode, tmp_path: Path, made: Path
) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny")
    assert_refused(convert(source, made, ("Q4_K_M",), option), made, code)


def test_a_value_that_the_type_can_not_hold_is_said(tmp_path: Path, made: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny")
    change_weights(source, lambda tensors: tensors["lm_head.weight"].view(-1)[:1].fill_(1e30))
    ended = convert(source, made, ("F16",))
    assert ended.status == 1
    code, name = ErrorCode.WEIGHTS_TOO_LARGE, "output.weight"
    assert sentence_of(code, tensor=name, type="f16").fullmatch(ended.complaints[-1])
    assert not list(made.glob("*"))
    converted(source, made, ("BF16",))


def test_several_types_are_all_kept(tmp_path: Path, made: Path, converter: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny", dtype="float16")
    name = "model.layers.0.mlp.up_proj.weight"
    change_weights(source, lambda tensors: tensors.update({name: tensors[name].bfloat16() * 1e6}))
    converted(source, made, ("Q4_K_M", "F32"))
    reference = converted_by_llama_cpp(source, converter, "f32", tmp_path)
    for level in ("Q4_K_M", "F32"):
        content = (made / f"tiny-{level}.gguf").read_bytes()
        assert content == quantized_by_llama_cpp(reference, level), level


def change_weights(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    from safetensors.torch import load_file, save_file

    file = folder / "model.safetensors"
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file, metadata={"format": "pt"})


def test_a_folder_under_the_name_of_the_result_is_said_at_once(tmp_path: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny")
    (tmp_path / "made" / "tiny-Q8_0.gguf").mkdir(parents=True)
    ended = convert(source, tmp_path / "made", ("Q8_0",), "--overwrite")
    assert ended.status == 1
    assert sentence_of(ErrorCode.FILE_EXISTS).fullmatch(ended.complaints[-1])


def test_a_verbose_dry_run_tells_every_tensor(tmp_path: Path, made: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny")
    arguments = ("--level", "Q4_K_M", "--level", "Q8_0", "--dry-run", "--verbose")
    with started("convert", str(source), *arguments) as child:
        assert child.end() == 0
    told = [event for event in child.events if isinstance(event, TensorPlanned)]
    converted(source, made, ("Q4_K_M", "Q8_0"))
    for level in ("Q4_K_M", "Q8_0"):
        header = read_header(made / f"tiny-{level}.gguf")
        assert [
            (one.name, one.shape[::-1], one.tensor_type.upper(), one.size_bytes)
            for one in told
            if one.level == level
        ] == [(one.name, one.shape, one.type_name, one.size_bytes) for one in header.tensors]


def test_without_a_level_a_dry_run_tells_those_that_there_are(tmp_path: Path) -> None:
    base = make_tiny_checkpoint(tmp_path / "tiny")
    adapter = make_adapter(tmp_path / "tuned", str(base))
    text = tmp_path / "text.txt"
    text.write_text("A few words are enough for a plan.")
    planned = [
        [line.split()[0] for line in run_verb("convert", str(source), "--dry-run", *options).lines]
        for source, options in [
            (base, ()),
            (base, ("--calibration", str(text))),
            (adapter, ()),
        ]
    ]
    names = {level.name for level in LEVELS}
    told = [names.intersection(words) for words in planned]
    assert told == [names, names, set(_PLAIN_LEVELS)]
    assert "IQ2_XXS" not in planned[0]
    assert "IQ2_XXS" in planned[1]
