"""Calibration against the same sums taken in transformers, and what it refuses."""

from __future__ import annotations

import ctypes
import json
import random
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from app.core.errors import AppError, ErrorCode
from app.core.events import Event, Progressed
from app.core.load_options import LoadOptions
from app.gguf_file.model import read_model
from app.inference.loading.loaded_model import LoadRequest
from app.inference.session.session import Session
from app.measurement.activations import plain_sums, routed_sums
from app.measurement.calibration import calibrate
from app.measurement.texts.rendered_text import RenderedText
from app.native.graph import Tensor, operation_number
from app.native.importance_matrix import read_importance_matrix, save_importance_matrix
from app.native.library import load_ggml_base
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.engine.tiny_model import write_tiny_model
from tests.support.machine.verbs import run_verb

CHUNK = 512
CHUNKS = 3
EXPERTS, CHOSEN = 4, 2
_OBJECT_BYTES = 32
_LINEAR = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "ffn_gate_inp": "mlp.gate",
}

Sums = dict[str, npt.NDArray[np.float64]]


def calibration_text() -> str:
    chance = random.Random(3)
    words = ("mill", "stone", "the", "flour", "wheel", "turns", "grinds", "grain", "sack", "a")
    return " ".join(chance.choice(words) for _ in range(1500))


def converted(checkpoint: Path, target: Path) -> Path:
    ended = run_verb("convert", str(checkpoint), "--level", "F32", "--to", str(target))
    assert ended.status == 0, ended.complaints
    return target


def chunks_of(model: Path, text: str) -> list[list[int]]:
    """Return the tokens of the first chunks, each starting with the begin token."""
    load_request = LoadRequest(read_model(model), LoadOptions(context=CHUNK, extra_buffers=False))
    with Session(load_request, lambda _: None) as session:
        tokens = session.vocabulary.tokenize_prompt(text)
    starts = range(0, len(tokens) // CHUNK * CHUNK, CHUNK)
    return [[tokens[0], *tokens[start + 1 : start + CHUNK]] for start in starts]


def run_in_transformers(
    checkpoint: Path, chunks: list[list[int]], hook: Callable[[Any, Any], None]
) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        checkpoint, dtype=torch.float32, attn_implementation="eager"
    )
    hook(model, torch)
    with torch.inference_mode():
        for chunk in chunks:
            model(input_ids=torch.tensor([chunk]))


def hook_linear(model: Any, sums: Sums, layers: int) -> None:
    modules = dict(model.named_modules())
    for layer in range(layers):
        for ours, theirs in _LINEAR.items():
            module = modules.get(f"model.layers.{layer}.{theirs}")
            if module is None:
                continue

            def gather(_: Any, inputs: Any, name: str = f"blk.{layer}.{ours}.weight") -> None:
                rows = inputs[0].numpy().astype(np.float64)
                sums[name] = sums[name] + np.square(rows.reshape(-1, rows.shape[-1])).sum(0)

            module.register_forward_pre_hook(gather)


def empty_sums() -> Sums:
    return defaultdict(lambda: np.zeros(1))


def test_a_llama_gives_the_sums_that_transformers_sees(tmp_path: Path, converter: Path) -> None:
    checkpoint = make_tiny_checkpoint(tmp_path / "tiny", layers=2, dtype="float32")
    model = converted(checkpoint, tmp_path / "tiny.gguf")
    events: list[Event] = []
    matrix = calibrate(
        model, RenderedText(calibration_text()), events.append, dataset="a.txt", threads=1
    )
    chunks = chunks_of(model, calibration_text())
    sums = empty_sums()
    run_in_transformers(checkpoint, chunks, lambda model, _: hook_linear(model, sums, 2))

    assert len(chunks) >= CHUNKS
    assert (matrix.chunk_count, matrix.chunk_size) == (len(chunks), CHUNK)
    assert matrix.datasets == ("a.txt",)
    assert set(matrix.entries) == set(sums)
    assert len(sums) == 2 * 7
    for name, expected in sums.items():
        entry = matrix.entries[name]
        assert entry.counts.tolist() == [len(chunks) * CHUNK]
        np.testing.assert_allclose(entry.sums[0], expected, rtol=0.01, err_msg=name)

    progress = [event for event in events if isinstance(event, Progressed)]
    assert {event.step for event in progress} == {"calibrate"}
    done = [event.done_bytes for event in progress]
    assert done == sorted(set(done))
    assert done[-1] == progress[-1].total_bytes == len(calibration_text())

    save_importance_matrix(tmp_path / "imatrix.gguf", matrix)
    read = read_importance_matrix(tmp_path / "imatrix.gguf")
    for name in sums:
        np.testing.assert_array_equal(read.weights_for(name), matrix.weights_for(name))


def test_experts_are_counted_by_the_tokens_that_reach_them(tmp_path: Path, converter: Path) -> None:
    checkpoint = make_tiny_mixtral(tmp_path / "tiny")
    model = converted(checkpoint, tmp_path / "tiny.gguf")
    matrix = calibrate(model, RenderedText(calibration_text()), lambda _: None, threads=1)
    sums, counts = empty_sums(), np.zeros(EXPERTS, int)

    def hook(model: Any, torch: Any) -> None:
        hook_linear(model, sums, 1)
        experts = model.model.layers[0].mlp.experts

        def gather(_: Any, inputs: Any) -> None:
            rows, chosen, _weights = inputs
            gate_up, _down = experts.gate_up_proj, experts.down_proj
            for expert in range(EXPERTS):
                met = rows[(chosen == expert).any(-1)]
                counts[expert] += len(met)
                gate, up = torch.nn.functional.linear(met, gate_up[expert]).chunk(2, dim=-1)
                inner = torch.nn.functional.silu(gate) * up
                for name, values in (("up", met), ("gate", met), ("down", inner)):
                    key = f"blk.0.ffn_{name}_exps.weight/{expert}"
                    sums[key] = sums[key] + np.square(values.numpy().astype(np.float64)).sum(0)

        experts.register_forward_pre_hook(gather)

    run_in_transformers(checkpoint, chunks_of(model, calibration_text()), hook)

    assert {name.partition("/")[0] for name in sums} == set(matrix.entries)
    assert len(set(counts)) > 1
    for name, expected in sums.items():
        tensor, _, expert = name.partition("/")
        entry = matrix.entries[tensor]
        if expert:
            # A token whose second and third expert are nearly equal may go to either.
            np.testing.assert_allclose(entry.counts, counts, atol=3)
        difference = np.abs(entry.sums[int(expert or 0)] / expected - 1)
        assert difference.mean() < 0.01, name


def make_tiny_mixtral(folder: Path) -> Path:
    """The tokenizer of the tiny Llama, and one random layer with experts."""
    import torch
    from transformers import MixtralConfig, MixtralForCausalLM

    make_tiny_checkpoint(folder, dtype="float32")
    torch.manual_seed(0)
    config = MixtralConfig(
        vocab_size=512,
        hidden_size=256,
        intermediate_size=128,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=2,
        num_local_experts=EXPERTS,
        num_experts_per_tok=CHOSEN,
        max_position_embeddings=2048,
        initializer_range=0.1,
        sliding_window=None,
    )
    MixtralForCausalLM(config).save_pretrained(folder)
    saved = json.loads((folder / "config.json").read_text())
    assert saved["architectures"] == ["MixtralForCausalLM"]
    return folder


def test_a_short_text_is_refused(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf")
    with pytest.raises(AppError) as caught:
        calibrate(model, RenderedText("too short"), lambda _: None, threads=1)
    assert caught.value.code is ErrorCode.TEXT_SHORT
    assert caught.value.details["needed"] == 512


def test_weights_that_are_not_numbers_are_named(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf", with_numbers=False)
    with pytest.raises(AppError) as caught:
        calibrate(model, RenderedText(calibration_text()), lambda _: None, threads=1)
    assert caught.value.code is ErrorCode.MODEL_REJECTED
    assert "blk.0." in str(caught.value.details["reason"])


def test_a_trained_context_below_a_chunk_makes_smaller_chunks(tmp_path: Path) -> None:
    model, text = write_tiny_model(tmp_path / "tiny.gguf"), RenderedText("a" * 5_000)
    assert calibrate(model, text, lambda _: None, threads=1).chunk_count == 5_000 // 256


def test_the_layout_of_a_tensor_is_ggmls() -> None:
    ggml = load_ggml_base()
    ggml.ggml_tensor_overhead.restype = ctypes.c_size_t
    assert ctypes.sizeof(Tensor) == ggml.ggml_tensor_overhead() - _OBJECT_BYTES
    assert operation_number("MUL_MAT_ID") == operation_number("MUL_MAT") + 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (b"blk.0.attn_k.weight", "blk.0.attn_k.weight"),
        (b"CUDA0#blk.0.attn_k.weight#0", "blk.0.attn_k.weight"),
        (b"CUDA0#blk.0.attn_k.weight", "blk.0.attn_k.weight"),
    ],
)
def test_the_schedulers_copies_bear_the_name_of_the_weights(name: bytes, expected: str) -> None:
    assert Tensor(name=name).weight_name() == expected


@pytest.mark.parametrize(("outer", "inner"), [(1, 1), (1, 4), (2, 6)])
def test_matrices_in_one_tensor_take_turns(outer: int, inner: int) -> None:
    squares = np.random.default_rng(0).random((outer, inner, 3, 5)).astype(np.float32)
    matrices, outer_matrices = max(1, inner // 2), outer
    expected = np.zeros((outer_matrices * matrices, 5))
    for i in range(outer):
        for j in range(inner):
            place = i % outer_matrices * matrices + j % matrices
            expected[place] += squares[i, j].astype(np.float64).sum(0)
    added = plain_sums(squares, matrices, outer_matrices)
    np.testing.assert_allclose(added.sums, expected.reshape(1, -1), rtol=1e-5)
    assert added.counts.tolist() == [outer * inner * 3 // (outer_matrices * matrices)]


@pytest.mark.parametrize("rows_of_a_token", [1, 2])
def test_experts_get_the_rows_that_are_routed_to_them(rows_of_a_token: int) -> None:
    rng = np.random.default_rng(0)
    squares = rng.random((1, 9, rows_of_a_token, 5)).astype(np.float32)
    routes = np.stack([rng.permutation(4)[:2] for _ in range(9)]).astype(np.int32)[None, None]
    sums, counts = np.zeros((6, 5)), [0] * 6
    for token in range(9):
        for place in range(2):
            expert = routes[0, 0, token, place]
            sums[expert] += squares[0, token, place % rows_of_a_token]
            counts[expert] += 1
    added = routed_sums(squares, routes, 6)
    np.testing.assert_allclose(added.sums, sums, rtol=1e-5)
    assert added.counts.tolist() == counts
