from __future__ import annotations

from pathlib import Path

import numpy as np

from app.conversion.layout.layout import FLOAT32, LaidOutTensor, Layout, WeightRange
from app.streaming.stream_plan import plan_stream

FIRST, SECOND = Path("model-00001.safetensors"), Path("model-00002.safetensors")
A, B, C = WeightRange(FIRST, 100, 40), WeightRange(FIRST, 140, 60), WeightRange(SECOND, 100, 50)
EMPTY = WeightRange(FIRST, 200, 0)


def tensor(name: str, *reads: WeightRange, is_known: bool = True) -> LaidOutTensor:
    known = frozenset(reads) if is_known else None
    return LaidOutTensor(name, (1,), FLOAT32, 4, lambda: np.zeros(1), reads=known)


def layout(*tensors: LaidOutTensor) -> Layout:
    return Layout("llama", {}, tensors)


def test_each_stored_tensor_knows_its_readers_in_all_models() -> None:
    plan = plan_stream([layout(tensor("q", A), tensor("k", A, B)), layout(tensor("v", C, EMPTY))])
    assert plan is not None
    assert plan.readers == {A: {(0, "q"), (0, "k")}, B: {(0, "k")}, C: {(1, "v")}}
    assert plan.reads[1, "v"] == {C}
    assert plan.tensors_of(FIRST) == {(0, "q"), (0, "k")}


def test_only_what_waits_for_others_counts_as_held() -> None:
    alone = plan_stream([layout(tensor("a", A), tensor("b", B), tensor("c", C))])
    assert alone is not None
    assert alone.held_bytes() == 60
    stacked = plan_stream([layout(tensor("stack", A, C), tensor("b", B))])
    assert stacked is not None
    assert stacked.held_bytes() == 40 + 60


def test_unknown_reads_make_a_stream_impossible() -> None:
    assert plan_stream([layout(tensor("a", A), tensor("b", is_known=False))]) is None
