"""Predicted speed: what makes it lower or higher, and when it stays unknown."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from app.estimation.kv_cache import SizedCache
from app.estimation.model_shape import ModelShape
from app.estimation.placement import Placement, Span
from app.estimation.rates import COSTS, DeviceRates, MachineRates
from app.estimation.speed import (
    Correction,
    PredictedSpeed,
    TypedWeights,
    predict_speed,
    typed_weights,
)
from app.estimation.speed_caveats import why_unknown
from app.native.load_log import LoadLog

MEGABYTE = 10**6
SHAPE = ModelShape(
    architecture="llama",
    layers=2,
    width=512,
    heads=8,
    kv_heads=(2, 2),
    key_length=64,
    value_length=64,
    window=0,
    state_width=0,
    state_size=0,
    experts=0,
    experts_used=0,
    vocabulary=1000,
    trained_context=4096,
)
RATES = DeviceRates(
    generation={"Q8_0": 10e9, "Q4_K": 8e9},
    prompt={"Q8_0": 200e9, "Q4_K": 100e9},
    attention=1e9,
    prompt_attention=5e9,
    bandwidth=20e9,
    token_seconds=1e-4,
    layer_seconds=1e-5,
    element_seconds=1e-9,
)
FASTER = replace(
    RATES,
    generation={"Q8_0": 100e9, "Q4_K": 80e9},
    prompt={"Q8_0": 2000e9, "Q4_K": 1000e9},
    attention=50e9,
    prompt_attention=100e9,
)
MACHINE = MachineRates(2, {"CPU": RATES, "CUDA0": FASTER})
WEIGHTS = TypedWeights(
    layers=({"Q8_0": 50 * MEGABYTE}, {"Q8_0": 50 * MEGABYTE}),
    experts=({}, {}),
    output={"Q8_0": 20 * MEGABYTE},
)
ON_CPU = Placement((), 0, kv_on_device=True)
SHARED = Placement((Span("CUDA0", 1, 3),), 0, kv_on_device=True)
ON_DEVICE = Placement((Span("CUDA0", 0, 3),), 0, kv_on_device=True)


def cache_of(size_bytes: int) -> tuple[SizedCache, ...]:
    """A cache of both layers, so large for a token's context."""
    return (SizedCache(256, size_bytes, (0.0, 0.5, 1.0)),)


def predicted(
    weights: TypedWeights = WEIGHTS,
    placement: Placement = ON_CPU,
    machine: MachineRates = MACHINE,
    shape: ModelShape = SHAPE,
    caches: tuple[SizedCache, ...] = (),
) -> PredictedSpeed:
    found = predict_speed(weights, shape, placement, machine, caches=caches)
    assert found is not None
    return found


def machine_with(rates: DeviceRates) -> MachineRates:
    return MachineRates(2, {"CPU": rates})


def test_a_token_takes_the_time_for_its_bytes_and_for_each_layer() -> None:
    seconds = 120 * MEGABYTE / 10e9 + 1e-4 + 2 * 1e-5
    assert predicted().generation_tokens_per_second == pytest.approx(1 / seconds)


def test_a_prompt_takes_the_time_for_its_products_its_attention_and_its_elements() -> None:
    weights = 100 * MEGABYTE * 32 / 34
    pairs = 512 * 513 // 2
    seconds = 1e-4 + 2 * 512 * weights / 200e9 + 2 * 512 * 512 * 1e-9
    seconds += 2 * 8 * 128 * pairs / 5e9
    assert predicted().prompt_tokens_per_second == pytest.approx(512 / seconds)


def test_more_bytes_are_slower() -> None:
    larger = replace(WEIGHTS, output={"Q8_0": 21 * MEGABYTE})
    assert predicted(larger).generation_tokens_per_second < predicted().generation_tokens_per_second


def test_keys_and_values_cost_what_is_slower_memory_or_arithmetic() -> None:
    half_full, full = (predicted(caches=cache_of(2 * size)) for size in (MEGABYTE, 2 * MEGABYTE))
    empty = 1 / predicted().generation_tokens_per_second
    # Each of the 2 x 0.5 million elements is read by 4 heads.
    assert 1 / half_full.generation_tokens_per_second - empty == pytest.approx(4 * 1e6 / 1e9)
    assert 1 / full.generation_tokens_per_second - empty == pytest.approx(8 * 1e6 / 1e9)
    slow_memory = machine_with(replace(RATES, bandwidth=0.1e9))
    bound = predicted(machine=slow_memory, caches=cache_of(2 * MEGABYTE))
    assert 1 / bound.generation_tokens_per_second - empty == pytest.approx(2e6 / 0.1e9)


def test_keys_and_values_in_8_bits_have_more_elements_in_a_byte() -> None:
    caches = cache_of(MEGABYTE)
    in_8_bits = predict_speed(WEIGHTS, SHAPE, ON_CPU, MACHINE, caches=caches, cache_type="q8_0")
    in_16_bits = predicted(caches=caches)
    assert in_8_bits is not None
    assert in_8_bits.generation_tokens_per_second < in_16_bits.generation_tokens_per_second


def test_only_the_experts_in_use_are_read() -> None:
    experts = replace(WEIGHTS, experts=({"Q4_K": 80 * MEGABYTE}, {"Q4_K": 80 * MEGABYTE}))
    shape = replace(SHAPE, experts=8, experts_used=2)
    extra = 1 / predicted(experts, shape=shape).generation_tokens_per_second
    extra -= 1 / predicted().generation_tokens_per_second
    assert extra == pytest.approx(160 * MEGABYTE * 2 / 8 / 8e9)


def test_experts_that_stay_in_ram_are_read_by_the_processor() -> None:
    experts = replace(WEIGHTS, experts=({"Q4_K": 80 * MEGABYTE}, {"Q4_K": 80 * MEGABYTE}))
    shape = replace(SHAPE, experts=8, experts_used=2)
    speeds = [
        predicted(experts, replace(ON_DEVICE, experts_on_cpu=count), shape=shape)
        for count in range(3)
    ]
    assert [one.generation_tokens_per_second for one in speeds] == sorted(
        (one.generation_tokens_per_second for one in speeds), reverse=True
    )
    assert len({one.generation_tokens_per_second for one in speeds}) == 3


def test_devices_work_one_after_the_other() -> None:
    on_cpu, shared, on_device = (
        predicted(placement=placement) for placement in (ON_CPU, SHARED, ON_DEVICE)
    )
    seconds = 50 * MEGABYTE / 10e9 + 70 * MEGABYTE / 100e9 + 2 * 1e-4 + 2 * 1e-5
    assert shared.generation_tokens_per_second == pytest.approx(1 / seconds)
    for name in ("generation_tokens_per_second", "prompt_tokens_per_second"):
        assert getattr(on_cpu, name) < getattr(shared, name) < getattr(on_device, name)


def test_keys_and_values_in_ram_are_read_by_the_processor() -> None:
    caches = cache_of(2 * MEGABYTE)
    near = predicted(placement=ON_DEVICE, caches=caches)
    far = predicted(placement=replace(ON_DEVICE, kv_on_device=False), caches=caches)
    assert far.generation_tokens_per_second < near.generation_tokens_per_second
    assert far.prompt_tokens_per_second < near.prompt_tokens_per_second


@pytest.mark.parametrize(
    "rates",
    [
        DeviceRates(),
        replace(RATES, generation={}),
        replace(RATES, generation={"Q8_0": 0.0}),
        replace(RATES, prompt={"Q8_0": 0.0}),
        replace(RATES, attention=None),
        replace(RATES, bandwidth=None),
        replace(RATES, prompt_attention=0.0),
        replace(RATES, token_seconds=None),
        replace(RATES, layer_seconds=None),
        replace(RATES, element_seconds=None),
    ],
)
def test_a_missing_rate_leaves_the_speed_unknown(rates: DeviceRates) -> None:
    machine = machine_with(rates)
    assert predict_speed(WEIGHTS, SHAPE, ON_CPU, machine, caches=cache_of(MEGABYTE)) is None


def test_a_device_without_rates_leaves_the_speed_unknown() -> None:
    assert predict_speed(WEIGHTS, SHAPE, SHARED, machine_with(RATES)) is None


def test_a_model_of_nothing_on_a_machine_without_costs_has_no_speed() -> None:
    free = replace(RATES, token_seconds=0.0, layer_seconds=0.0, element_seconds=0.0)
    nothing = TypedWeights(({}, {}), ({}, {}), {})
    assert predict_speed(nothing, SHAPE, ON_CPU, machine_with(free)) is None


def test_a_correction_multiplies_and_is_marked() -> None:
    plain = predicted()
    corrected = predict_speed(WEIGHTS, SHAPE, ON_CPU, MACHINE, correction=Correction(0.5, 0.8))
    assert corrected is not None
    assert corrected.prompt_tokens_per_second == plain.prompt_tokens_per_second * 0.5
    assert corrected.generation_tokens_per_second == pytest.approx(
        plain.generation_tokens_per_second * 0.8
    )
    assert (plain.is_corrected, corrected.is_corrected) == (False, True)


def test_weights_are_counted_by_part_and_type() -> None:
    sizes = {
        "token_embd.weight": 100,
        "blk.0.attn_q.weight": 10,
        "blk.0.ffn_up_exps.weight": 70,
        "blk.1.attn_q.weight": 12,
        "blk.1.attn_norm.weight": 1,
        "blk.1.token_map": 5,
        "blk.2.nextn.weight": 9,
        "output_norm.weight": 1,
    }
    types = dict.fromkeys(sizes, "Q4_K") | {
        "token_embd.weight": "Q6_K",
        "blk.1.attn_norm.weight": "F32",
        "blk.1.token_map": "I32",
        "output_norm.weight": "F32",
    }
    asked = tuple(name for name in sizes if name != "blk.2.nextn.weight")
    load = LoadLog(("CPU",) * 3, asked, ())
    untied = typed_weights(sizes, types, load)
    assert untied == TypedWeights(
        layers=({"Q4_K": 10}, {"Q4_K": 12, "F32": 1}),
        experts=({"Q4_K": 70}, {}),
        output={"F32": 1},
    )
    assert untied.types == {"Q4_K", "F32"}
    tied = typed_weights(sizes, types, replace(load, asked_tensors=(*asked, "token_embd.weight")))
    assert tied == replace(untied, output={"F32": 1, "Q6_K": 100})


def test_what_the_window_needs_goes_through_json() -> None:
    for value, kind in ((MACHINE, MachineRates), (WEIGHTS, TypedWeights)):
        assert msgspec.json.decode(msgspec.json.encode(value), type=kind) == value


def test_newer_rates_are_added_to_those_known() -> None:
    newer = replace(RATES, generation={"Q8_0": 1.0, "F16": 2.0}, prompt={}, bandwidth=3.0)
    merged = machine_with(RATES).merged(MachineRates(2, {"CPU": newer, "CUDA0": FASTER}))
    assert merged.of("CUDA0") == FASTER
    assert merged.of("CPU") == replace(
        RATES, generation={"Q8_0": 1.0, "Q4_K": 8e9, "F16": 2.0}, bandwidth=3.0
    )
    assert merged.of("RPC0").measured == frozenset()


def test_a_disturbed_rate_takes_the_place_of_none_and_a_quiet_one_that_of_a_disturbed() -> None:
    slow = replace(RATES, generation={"Q8_0": 1.0, "F16": 2.0}, prompt={"Q8_0": 1.0}, bandwidth=3.0)
    known = RATES.merged(slow.as_disturbed())
    assert known == replace(
        RATES, generation=RATES.generation | {"F16": 2.0}, disturbed=frozenset({"F16"})
    )
    assert slow.as_disturbed().merged(RATES) == replace(
        RATES, generation=RATES.generation | {"F16": 2.0}, disturbed=frozenset({"F16"})
    )
    quiet = known.merged(DeviceRates(generation={"F16": 9.0}, prompt={"F16": 9.0}))
    assert (quiet.generation["F16"], quiet.disturbed) == (9.0, frozenset())


def test_a_speed_from_disturbed_rates_says_so() -> None:
    assert not predicted().is_disturbed
    for part in ("Q8_0", COSTS):
        machine = machine_with(replace(RATES, disturbed=frozenset({part})))
        assert predicted(machine=machine).is_disturbed
    # The model has no such weights.
    other = replace(RATES, disturbed=frozenset({"F16"}))
    assert not predicted(machine=machine_with(other)).is_disturbed


def test_an_unknown_speed_has_a_reason() -> None:
    bare = machine_with(replace(RATES, generation={}))
    assert why_unknown(WEIGHTS, ON_CPU, bare) == "The speed of CPU with Q8_0 has not been measured."
    assert why_unknown(WEIGHTS, ON_CPU, bare, "It broke.") == "It broke."
    impossible = machine_with(replace(RATES, generation={"Q8_0": 0.0}))
    assert "CPU can't multiply Q8_0" in why_unknown(WEIGHTS, ON_CPU, impossible, "It broke.")
    without_costs = machine_with(replace(RATES, token_seconds=None))
    assert "has not been measured" in why_unknown(WEIGHTS, ON_CPU, without_costs)
