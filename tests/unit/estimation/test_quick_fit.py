"""Estimates of models that are known by their size and a few numbers alone."""

from __future__ import annotations

import pytest

from app.core.load_options import LoadOptions
from app.estimation.quick_fit import (
    SizedModel,
    best_of,
    largest_file_bytes,
    needed_bytes,
    quick_verdict,
)
from tests.support.profiles import made_machine

GB = 10**9
MODELS = [
    SizedModel(level, round(size * GB))
    for level, size in (("Q2_K", 3), ("Q4_K_M", 5), ("Q6_K", 7), ("Q8_0", 9), ("F16", 16))
]
LLAMA = {
    "general.architecture": "llama",
    "llama.block_count": 32,
    "llama.embedding_length": 4096,
    "llama.attention.head_count": 32,
    "llama.attention.head_count_kv": 8,
}


def test_the_cache_follows_from_the_header() -> None:
    options = LoadOptions(context=8192)
    with_cache = needed_bytes(5 * GB, LLAMA, options)
    assert with_cache - needed_bytes(5 * GB, {}, options) == 8192 * 32 * 8 * 128 * 2 * 2


def test_the_largest_file_leaves_room_for_the_cache_and_the_buffers() -> None:
    machine, options = made_machine(ram_gb=16), LoadOptions(context=8192)
    size = largest_file_bytes(3 * GB, LLAMA, options, machine)
    assert quick_verdict(needed_bytes(size, LLAMA, options), machine) == "on_processor"
    assert quick_verdict(needed_bytes(size + 1, LLAMA, options), machine) == "too_large"
    longer = largest_file_bytes(3 * GB, LLAMA, LoadOptions(context=32_768), machine)
    assert size - longer == 24_576 * 32 * 8 * 128 * 2 * 2
    assert largest_file_bytes(3 * GB, LLAMA, options, made_machine(ram_gb=0.25)) == 0


@pytest.mark.parametrize(
    ("devices", "ram", "verdict"),
    [
        ((), 16, "on_processor"),
        ((), 4, "too_large"),
        ((8,), 16, "on_devices"),
        ((4,), 16, "shared"),
        ((4, 4), 16, "on_devices"),
        ((4,), 2, "too_large"),
    ],
)
def test_where_five_gigabytes_go(devices: tuple[float, ...], ram: float, verdict: str) -> None:
    assert quick_verdict(5 * GB, made_machine(*devices, ram_gb=ram)) == verdict


@pytest.mark.parametrize(
    ("devices", "ram", "level"),
    [
        ((), 32, "Q6_K"),
        ((), 6, "Q4_K_M"),
        ((6,), 32, "Q4_K_M"),
        ((2,), 32, "Q6_K"),
        ((), 1, "Q2_K"),
    ],
)
def test_the_best_for_a_machine(devices: tuple[float, ...], ram: float, level: str) -> None:
    best = best_of(MODELS, made_machine(*devices, ram_gb=ram))
    assert best is not None
    assert best.level == level


def test_a_level_that_is_not_worth_it_is_better_than_none() -> None:
    best = best_of(MODELS[-2:], made_machine(ram_gb=12))
    assert best is not None
    assert best.level == "Q8_0"
    assert best_of([], made_machine()) is None
