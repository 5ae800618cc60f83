"""Probed quality: it follows the error in the weights, always the same, as the importance says."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pytest

from app.conversion.layout.layout import FLOAT16, FLOAT32, LaidOutTensor, Layout
from app.conversion.type_choices import NO_CHOICES, TypeChoices
from app.conversion.type_plan import TypePlan
from app.core.errors import AppError, ErrorCode
from app.core.events import Event, Progressed
from app.core.levels import level_named
from app.estimation.quality import Quality
from app.gguf_file.header_writer import PlacedTensor
from app.gguf_file.tensor_types import TYPE_NUMBERS
from app.native.importance_matrix import Activations, ImportanceMatrix
from app.profiling.probed_quality import probe_quality

WIDTH = 256
TYPES = {"Q2_K": "q2_K", "Q3_K_M": "q3_K", "Q4_K_M": "q4_K", "Q5_K_M": "q5_K", "Q8_0": "q8_0"}
SHAPES = {
    "token_embd.weight": (512, WIDTH),
    "blk.0.attn_norm.weight": (WIDTH,),
    "blk.0.attn_q.weight": (WIDTH, WIDTH),
    "blk.0.attn_v.weight": (WIDTH, WIDTH),
    "blk.0.ffn_up_exps.weight": (4, 512, WIDTH),
}
Floats = npt.NDArray[np.float32]


@pytest.fixture
def weights() -> dict[str, Floats]:
    chance = np.random.default_rng(0)
    return {name: chance.standard_normal(shape, np.float32) for name, shape in SHAPES.items()}


def layout_of(weights: Mapping[str, Floats]) -> Layout:
    tensors = (
        LaidOutTensor(name, values.shape, FLOAT32, values.nbytes, lambda values=values: values)
        for name, values in weights.items()
    )
    return Layout("llama", {}, tuple(tensors))


def plan_of(layout: Layout, level: str, types: Mapping[str, int]) -> TypePlan:
    placed = tuple(
        PlacedTensor(tensor.name, tensor.shape, types.get(tensor.name, tensor.type_number), 0)
        for tensor in layout.tensors
    )
    return TypePlan(level_named(level), "llama", {}, 0, placed)


def plans_of(layout: Layout) -> list[TypePlan]:
    matrices = [name for name, shape in SHAPES.items() if len(shape) > 1]
    return [
        plan_of(layout, level, dict.fromkeys(matrices, TYPE_NUMBERS[kind]))
        for level, kind in TYPES.items()
    ]


def probed(
    weights: Mapping[str, Floats], choices: TypeChoices = NO_CHOICES, threads: int = 1
) -> dict[str, Quality]:
    layout = layout_of(weights)
    return probe_quality(layout, plans_of(layout), ignore, choices=choices, threads=threads)


def ignore(_: Event) -> None:
    pass


def test_more_bits_lose_less(weights: dict[str, Floats]) -> None:
    found = probed(weights)
    assert list(found) == list(TYPES)
    divergences = [quality.kl_divergence for quality in found.values()]
    assert divergences == sorted(divergences, reverse=True)
    assert divergences[0] > 50 * divergences[-1] > 0
    for quality in found.values():
        assert quality.kind == "probed"
        assert 0 < quality.low < quality.kl_divergence < quality.high
        assert quality.source


def test_it_is_always_the_same_on_any_number_of_threads(weights: dict[str, Floats]) -> None:
    assert probed(weights) == probed(weights) == probed(weights, threads=4)


def test_what_is_not_quantized_does_no_harm(weights: dict[str, Floats]) -> None:
    layout = layout_of(weights)
    plans = [
        plan_of(layout, "F32", {}),
        plan_of(layout, "F16", dict.fromkeys(SHAPES, FLOAT16)),
    ]
    found = probe_quality(layout, plans, ignore)
    assert [quality.kl_divergence for quality in found.values()] == [0, 0]


@pytest.mark.parametrize(
    ("harmful", "harmless"),
    [
        ("blk.0.attn_v.weight", "blk.0.attn_q.weight"),
        # Without an output matrix the embeddings are it.
        ("token_embd.weight", "blk.0.attn_v.weight"),
    ],
)
def test_some_matrices_matter_more(harmful: str, harmless: str, weights: dict[str, Floats]) -> None:
    layout, four_bits = layout_of(weights), TYPE_NUMBERS["q4_0"]
    plans = [
        plan_of(layout, "Q4_0", {harmful: four_bits}),
        plan_of(layout, "Q4_1", {harmless: four_bits}),
    ]
    found = probe_quality(layout, plans, ignore)
    assert found["Q4_0"].kl_divergence > 2 * found["Q4_1"].kl_divergence


def test_weights_that_a_type_holds_exactly_lose_nothing(weights: dict[str, Floats]) -> None:
    name, four_bits = "blk.0.attn_q.weight", TYPE_NUMBERS["q4_0"]
    whole = np.random.default_rng(0).integers(-8, 8, SHAPES[name]).astype(np.float32)
    # The number of a block that is farthest from 0 makes its step.
    whole.reshape(-1, 32)[:, 0] = -8
    divergences = []
    for values in (weights[name], whole):
        layout = layout_of(weights | {name: values})
        found = probe_quality(layout, [plan_of(layout, "Q4_0", {name: four_bits})], ignore)
        divergences.append(found["Q4_0"].kl_divergence)
    assert divergences[1] < divergences[0] / 50


def importance(weights: Mapping[str, Floats], heavy: float) -> TypeChoices:
    entries = {}
    for name, values in weights.items():
        if values.ndim > 1:
            experts = math.prod(values.shape[:-2])
            sums = np.ones((experts, values.shape[-1]), np.float32)
            sums[:, ::32] = heavy
            entries[name] = Activations(sums, np.ones(experts, np.int64))
    return TypeChoices(importance=ImportanceMatrix(entries, 1, 1))


def test_importance_changes_the_result(weights: dict[str, Floats]) -> None:
    plain, even = probed(weights), probed(weights, importance(weights, 1))
    uneven = probed(weights, importance(weights, 1000))
    for level in ("Q2_K", "Q3_K_M", "Q4_K_M"):
        assert even[level].kl_divergence == pytest.approx(plain[level].kl_divergence, rel=0.2)
        # The quantizer cares for the few columns that count.
        assert uneven[level].kl_divergence < 0.7 * even[level].kl_divergence


def test_an_importance_matrix_of_another_model(weights: dict[str, Floats]) -> None:
    other = {name: values[..., :128] for name, values in weights.items()}
    with pytest.raises(AppError) as caught:
        probed(weights, importance(other, 1))
    assert caught.value.code is ErrorCode.IMPORTANCE_MATRIX_MISFIT


def test_progress_ends_at_the_end(weights: dict[str, Floats]) -> None:
    events: list[Event] = []
    layout = layout_of(weights)
    probe_quality(layout, plans_of(layout), events.append, threads=2)
    progress = [event for event in events if isinstance(event, Progressed)]
    assert [event.step for event in progress] == ["probe"] * 4
    assert [event.done_bytes for event in progress] == sorted(e.done_bytes for e in progress)
    assert progress[-1].done_bytes == progress[-1].total_bytes > 0


def test_tensors_too_large_to_be_read_whole_take_after_the_others(
    weights: dict[str, Floats], monkeypatch: pytest.MonkeyPatch
) -> None:
    complete = probed(weights)
    largest = max(values.nbytes for values in weights.values())
    monkeypatch.setattr("app.profiling.matrix_errors._MAX_WHOLE_BYTES", largest)
    for level, quality in probed(weights).items():
        assert quality.kl_divergence == pytest.approx(complete[level].kl_divergence, rel=0.1)
