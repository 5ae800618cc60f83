"""Whole files of many architectures against llama.cpp's own, with and without importance."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from app.conversion.converter.transformers_choice import Transformers
from app.gguf_file.header_reader import read_array, read_header
from app.native.importance_matrix import (
    Activations,
    ImportanceMatrix,
    read_importance_matrix,
    save_importance_matrix,
)
from tests.support.checkpoints.architecture_trials import VERSIONS, YES, Trials
from tests.support.checkpoints.architectures import make_checkpoint
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.checkpoints.registered_architectures import (
    make_registered,
    registered_checkpoint,
)
from tests.support.engine.llama_cpp_tools import converted_by_llama_cpp, quantized_by_llama_cpp
from tests.support.hub.local_hub import LocalHub
from tests.support.machine.verbs import run_verb

pytestmark = pytest.mark.slow

_LEVELS = ("Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_S", "Q6_K", "Q8_0", "Q4_1", "IQ4_XS", "IQ3_M", "BF16")
_CASES: list[tuple[str, Transformers]] = [
    ("LlamaForCausalLM", "pinned"),
    ("Qwen3ForCausalLM", "pinned"),
    ("Qwen3ForCausalLM", "own"),
    ("MixtralForCausalLM", "pinned"),
    ("MixtralForCausalLM", "own"),
    ("Qwen2MoeForCausalLM", "pinned"),
    ("GemmaForCausalLM", "pinned"),
    ("Gemma2ForCausalLM", "pinned"),
    ("Gemma3ForCausalLM", "pinned"),
    ("Gemma3ForCausalLM", "own"),
    ("PhiForCausalLM", "pinned"),
    ("GPTNeoXForCausalLM", "pinned"),
    ("GPT2LMHeadModel", "pinned"),
    ("FalconForCausalLM", "pinned"),
    ("MambaForCausalLM", "pinned"),
    ("GraniteMoeHybridForCausalLM", "pinned"),
    ("FalconH1ForCausalLM", "pinned"),
    ("BertModel", "pinned"),
    ("BertModel", "own"),
]
"""Dense, with experts, a sliding window, recurrent, hybrid, an encoder."""
_READ_WITH = {"pinned": "4.57.6", "own": metadata.version("transformers")}
_BETTER = [
    # A quarter of a head of 64 is rotated.
    ("GPTNeoXForCausalLM", "gptneox.rope.dimension_count", 16),
    ("GraniteMoeHybridForCausalLM", "granitehybrid.attention.head_count_kv", (0, 2, 0, 0)),
    ("NemotronHForCausalLM", "nemotron_h.attention.head_count_kv", (0, 2, 0, 0)),
]
_WITH_IMPORTANCE = ("Q3_K_S", "Q4_K_M", "Q4_0", "IQ4_NL", "IQ2_XS", "Q2_K_S")
_WORDS = "The miller ground the grain and the mill stood by the river in the valley. " * 200


def options_for(levels: tuple[str, ...], target: Path) -> list[str]:
    return [word for level in levels for word in ("--level", level)] + ["--to", str(target)]


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trials]:
    """Processes that convert with both versions of transformers, and all checkpoints made."""
    for version in VERSIONS:
        make_registered([name for name, saved_by in _CASES if saved_by == version], version)
    with LocalHub() as hub:
        yield Trials(tmp_path_factory.mktemp("trials") / "home", hub, _LEVELS)


@pytest.mark.parametrize(("architecture", "saved_by"), _CASES)
def test_every_architecture_has_the_bytes_of_llama_cpp(
    architecture: str, saved_by: Transformers, trials: Trials
) -> None:
    row = trials.row(architecture, saved_by)
    assert row.outcome == "equal", row
    assert row.loads == YES
    assert row.read_with == _READ_WITH[saved_by]


@pytest.mark.parametrize(("architecture", "key", "value"), _BETTER)
def test_what_llama_cpp_can_not_read_is_converted_all_the_same(
    architecture: str, key: str, value: object, tmp_path: Path, converter: Path
) -> None:
    make_registered([architecture], "own")
    source = registered_checkpoint(architecture, "own")
    assert source is not None
    ended = run_verb("convert", str(source), *options_for(_LEVELS, tmp_path / "made"))
    assert ended.status == 0, ended.complaints
    reference = tmp_path / "made" / f"{architecture}-BF16.gguf"
    header = read_header(reference)
    found = read_array(header, key) if key in header.arrays else header.metadata[key]
    assert found == value
    for level in _LEVELS:
        made = (tmp_path / "made" / f"{architecture}-{level}.gguf").read_bytes()
        assert made == quantized_by_llama_cpp(reference, level), level


@pytest.mark.parametrize("configuration", ["MixtralConfig", "GemmaConfig"])
def test_with_an_importance_matrix_too(configuration: str, tmp_path: Path, converter: Path) -> None:
    source = make_checkpoint(configuration, tmp_path / "model")
    text, made = tmp_path / "text.txt", tmp_path / "made"
    text.write_text(_WORDS)
    options = [*options_for(_WITH_IMPORTANCE, made), "--calibration", str(text)]
    dry = run_verb("convert", str(source), *options, "--dry-run")
    ended = run_verb("convert", str(source), *options)
    assert ended.status == 0, ended.complaints
    matrix_file = made / "model.imatrix.gguf"
    names = {f"model-{level}.gguf" for level in _WITH_IMPORTANCE}
    assert {file.name for file in made.iterdir()} == names | {matrix_file.name}
    matrix = read_importance_matrix(matrix_file)
    reference = converted_by_llama_cpp(source, converter, "bf16", tmp_path)
    for level in _WITH_IMPORTANCE:
        content = (made / f"model-{level}.gguf").read_bytes()
        told = quantized_by_llama_cpp(reference, level, matrix, matrix_file.name)
        assert content == told, level
        assert any(
            line.startswith(f"{level} ") and f"{len(told):,} bytes" in line for line in dry.lines
        )


def test_types_can_be_chosen_for_single_tensors(tmp_path: Path, converter: Path) -> None:
    from llama_cpp import llama_cpp

    source = make_tiny_checkpoint(tmp_path / "model", layers=2)
    made = tmp_path / "made.gguf"
    ended = run_verb(
        *("convert", str(source), "--level", "Q4_K_M", "--to", str(made)),
        *("--type", r"blk\.0\.ffn_down=Q8_0", "--type", "ffn_down=q5_K"),
        *("--output-type", "q8_0", "--embedding-type", "F16"),
    )
    assert ended.status == 0, ended.complaints
    types = {tensor.name: tensor.type_name.lower() for tensor in read_header(made).tensors}
    assert types["blk.0.ffn_down.weight"] == "q8_0"
    assert types["blk.1.ffn_down.weight"] == "q5_k"
    assert types["output.weight"] == "q8_0"
    assert types["token_embd.weight"] == "f16"
    overrides = (llama_cpp.llama_model_tensor_override * 3)(
        (rb"blk\.0\.ffn_down", 8), (b"ffn_down", 13)
    )
    types = {"output_tensor_type": 8, "token_embedding_type": 1, "tt_overrides": overrides}
    reference = converted_by_llama_cpp(source, converter, "bf16", tmp_path)
    assert made.read_bytes() == quantized_by_llama_cpp(reference, "Q4_K_M", None, **types)

    again = tmp_path / "again.gguf"
    ended = run_verb(
        *("convert", str(source), "--level", "Q4_K_M", "--to", str(again)),
        *("--types-from", str(made)),
    )
    assert ended.status == 0, ended.complaints
    assert again.read_bytes() == made.read_bytes()

    deeper, longer = make_tiny_checkpoint(tmp_path / "deeper", layers=4), tmp_path / "longer.gguf"
    ended = run_verb(
        *("convert", str(deeper), "--level", "Q6_K", "--to", str(longer)),
        *("--types-from", str(made), "--type", "attn_q=Q8_0"),
    )
    assert ended.status == 0, ended.complaints
    of_model = {tensor.name: tensor.type_name for tensor in read_header(made).tensors}
    for tensor in read_header(longer).tensors:
        if tensor.name in of_model and "attn_q" not in tensor.name:
            assert tensor.type_name == of_model[tensor.name], tensor.name
        elif "attn_q" in tensor.name:
            assert tensor.type_name == "Q8_0"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--type", "ffn_down=q9"], "type “q9”"),
        (["--level", "IQ2_XXS"], "needs an importance matrix"),
        (["--imatrix", "absent.gguf"], "absent.gguf"),
    ],
)
def test_a_choice_that_can_not_be_is_said(
    options: list[str], words: str, tmp_path: Path, converter: Path
) -> None:
    source = make_tiny_checkpoint(tmp_path / "model")
    target = tmp_path / "made"
    ended = run_verb("convert", str(source), "--level", "Q4_K_M", "--to", str(target), *options)
    assert ended.status == 1
    assert words in ended.complaints[-1]
    assert not target.exists()


def test_an_importance_matrix_of_another_model_is_refused(tmp_path: Path, converter: Path) -> None:
    matrix = tmp_path / "other.gguf"
    rows = Activations(np.ones((1, 99), np.float32), np.ones(1, np.int64))
    save_importance_matrix(matrix, ImportanceMatrix({"blk.0.attn_q.weight": rows}, 2, 512))
    source, target = make_tiny_checkpoint(tmp_path / "model"), tmp_path / "made"
    arguments = ("--level", "Q4_K_M", "--to", str(target), "--imatrix", str(matrix))
    ended = run_verb("convert", str(source), *arguments)
    assert ended.status == 1
    assert "belongs to another model" in ended.complaints[-1]
    assert not list(target.glob("*"))
