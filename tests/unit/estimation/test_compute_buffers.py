"""Compute buffers between the loads that were tried, and from the most similar one beyond them."""

from __future__ import annotations

from typing import Any

import pytest

from app.core.load_options import LoadOptions
from app.estimation.compute_buffers import LoadSample, compute_buffers

LAYERS = 32


def sample(size: int, level: str = "", layers: int = 0, **changes: Any) -> LoadSample:
    experts = changes.pop("experts_on_cpu", 0)
    options = LoadOptions(gpu_layers=layers, experts_on_cpu=experts, **changes)
    return LoadSample(options, {"CPU": size}, level)


def at(samples: list[LoadSample], layers: int = 0, level: str = "", **changes: Any) -> int:
    options = LoadOptions(**changes)
    buffers = compute_buffers(samples, level, options, LAYERS)
    return buffers.at(layers, options.experts_on_cpu or 0, options.context)["CPU"]


@pytest.mark.parametrize(
    ("context", "expected"), [(512, 100), (1024, 200), (2048, 400), (256, 100), (10**6, 400)]
)
def test_between_two_contexts_in_proportion_and_beyond_them_as_at_the_nearest(
    context: int, expected: int
) -> None:
    samples = [sample(400, context=2048), sample(100, context=512)]
    assert at(samples, context=context) == expected


@pytest.mark.parametrize(
    ("micro_batch", "expected"), [(512, 100), (2048, 400), (1024, 200), (128, 25), (4096, 800)]
)
def test_a_micro_batch_in_proportion(micro_batch: int, expected: int) -> None:
    samples = [sample(400, micro_batch=2048), sample(100, micro_batch=512)]
    assert at(samples, micro_batch=micro_batch, batch=4096) == expected


def test_a_micro_batch_is_no_more_than_the_batch_and_the_context() -> None:
    samples = [sample(100, micro_batch=512), sample(100, context=512)]
    assert at(samples, micro_batch=2048, batch=512) == 100
    assert at(samples, micro_batch=2048, context=512) == 100


def test_no_layer_some_and_all_are_never_taken_for_each_other() -> None:
    samples = [sample(1, layers=0), sample(2, layers=17), sample(3, layers=LAYERS + 1)]
    found = [at(samples, layers=count) for count in (0, 1, 16, LAYERS, LAYERS + 1)]
    assert found == [1, 2, 2, 2, 3]


def test_experts_in_ram_make_a_difference() -> None:
    samples = [sample(1, layers=33), sample(2, layers=33, experts_on_cpu=32)]
    assert at(samples, layers=33) == 1
    assert at(samples, layers=33, experts_on_cpu=5) == 2


def test_the_most_similar_load_speaks() -> None:
    samples = [
        sample(1),
        sample(2, cache_type_k="q8_0", cache_type_v="q8_0"),
        sample(3, flash_attention="off"),
        sample(4, kv_on_device=False),
    ]
    assert at(samples, cache_type_k="q4_0", cache_type_v="q4_0") == 2
    assert at(samples, cache_type_k="bf16") == 1
    assert at(samples, flash_attention="on") == 1
    assert at(samples, flash_attention="off") == 3
    assert at(samples, kv_on_device=False) == 4


def test_a_level_s_own_loads_go_before_those_of_all() -> None:
    samples = [sample(1, layers=5), sample(2, "Q4_K_M", layers=5), sample(3, "Q8_0", layers=5)]
    assert at(samples, layers=5) == 1
    assert at(samples, layers=5, level="Q4_K_M") == 2
    assert at(samples, layers=5, level="Q6_K") == 1
