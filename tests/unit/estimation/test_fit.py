"""The plan of layers over devices: made-up machines, and what must hold on any."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from app.core.device_memory import PROCESSOR, DeviceMemory
from app.core.load_options import LoadOptions
from app.estimation.compute_buffers import ComputeBuffers
from app.estimation.fit import MARGIN_BYTES, Plan, plan_fit
from app.estimation.hardware import DeviceInfo, Hardware
from app.estimation.kv_cache import CONTEXT_STEP, size_caches
from app.estimation.placement import Need, excess_bytes, free_bytes, place
from app.estimation.weights import Weights
from app.native.load_log import Cache

GB = 10**9
LAYERS = 32
CONTEXT, TRAINED = 4096, 32768
WISHES = LoadOptions(context=CONTEXT)


def need(
    layer_gb: float = 0.14, *, expert_part: float = 0.0, layers: int = LAYERS, kv_gb: float = 0.54
) -> Need:
    """A model like a 7B at Q4_K_M; `kv_gb` is what its caches take for 4096 tokens."""
    layer_bytes = round(layer_gb * GB)
    cache = Cache(
        cells=TRAINED,
        size_bytes=round(kv_gb * GB * TRAINED / CONTEXT),
        layers=tuple(range(layers)),
        devices=(PROCESSOR,) * layers,
    )
    small = {PROCESSOR: 20 * 10**6, "GPU0": 300 * 10**6, "GPU1": 300 * 10**6}
    large = {PROCESSOR: 80 * 10**6, "GPU0": 500 * 10**6, "GPU1": 500 * 10**6}
    return Need(
        weights=Weights(
            input_bytes=10**8,
            layer_bytes=(layer_bytes,) * layers,
            expert_bytes=(round(layer_bytes * expert_part),) * layers,
            output_bytes=10**8,
            tied_bytes=0,
        ),
        caches=size_caches([cache], (8,) * layers, layers, WISHES),
        compute=ComputeBuffers(layers + 1, {(0, False): ((CONTEXT, small), (TRAINED, large))}),
        largest_context=TRAINED,
    )


def machine(*devices_gb: float, ram_gb: float = 32, **changes: bool) -> Hardware:
    devices = tuple(
        DeviceInfo(f"GPU{number}", "CUDA", "", round(gb * GB), round(gb * GB), **changes)
        for number, gb in enumerate(devices_gb)
    )
    return Hardware(8, 16, round(ram_gb * GB), round(ram_gb * GB), devices)


@pytest.mark.parametrize(
    ("hardware", "verdict", "layers"),
    [
        (machine(), "on_processor", {}),
        (machine(4), "shared", {"GPU0": 20}),
        (machine(8), "on_devices", {"GPU0": 33}),
        (machine(12), "on_devices", {"GPU0": 33}),
        (machine(24), "on_devices", {"GPU0": 33}),
        (machine(24, 24), "on_devices", {"GPU0": 17, "GPU1": 16}),
        (machine(80), "on_devices", {"GPU0": 33}),
        (machine(0.7), "on_processor", {}),
        (machine(24, ram_gb=0.5), "too_large", {}),
        (machine(ram_gb=4), "too_large", {}),
        (machine(32, ram_gb=32, shares_memory=True), "on_devices", {"GPU0": 33}),
        (machine(7, ram_gb=7, shares_memory=True), "on_devices", {"GPU0": 33}),
        # The device's compute buffers are too much here: both lie in the same memory.
        (machine(6, ram_gb=6, shares_memory=True), "on_processor", {}),
        (machine(0), "on_devices", {"GPU0": 33}),
        (machine(0, ram_gb=4), "too_large", {}),
        (machine(0, is_full=True), "on_processor", {}),
    ],
    ids=[
        "no GPU", "4 GB", "8 GB", "12 GB", "24 GB", "2 x 24 GB", "80 GB", "too small for a layer",
        "no RAM", "no GPU and little RAM", "unified 32 GB", "unified 7 GB", "unified 6 GB",
        "device reporting 0", "device reporting 0, little RAM",
        "full device",
    ],
)  # fmt: skip
def test_made_up_machines(hardware: Hardware, verdict: str, layers: dict[str, int]) -> None:
    plan = plan_fit(need(), hardware, WISHES)
    assert (plan.verdict, plan.layers) == (verdict, layers)


def test_a_device_without_a_layer_computes_all_the_same() -> None:
    shares = replace(WISHES, device_shares=(1, 0))
    plan = plan_fit(need(), machine(24, 24), shares)
    assert plan.layers == {"GPU0": 33}
    assert plan.memory["GPU1"] == DeviceMemory(0, 0, 300 * 10**6)
    # Where no layer lies on any, none is used.
    assert plan_fit(need(), machine(0.7), WISHES).memory.keys() == {PROCESSOR}


def test_the_sentence_says_what_goes_where() -> None:
    assert plan_fit(need(), machine(4), WISHES).sentence == (
        "20 of 33 layers on the GPU: needs 3.38 GB of 4.00 GB free"
    )
    assert plan_fit(need(), machine(), WISHES).sentence == "In RAM: needs 5.24 GB of 32.00 GB free"
    assert plan_fit(need(), machine(ram_gb=4), WISHES).sentence == (
        "Too large: needs 5.24 GB, only 4.00 GB free"
    )
    assert plan_fit(need(), machine(1, ram_gb=4), WISHES).sentence == (
        "Too large: needs 5.24 GB, only 4.00 GB free in RAM, 1.00 GB on the GPU"
    )


def test_experts_stay_in_ram_before_layers_do() -> None:
    experts = need(0.5, expert_part=0.9)
    plan = plan_fit(experts, machine(8), WISHES)
    assert plan.gpu_layers == LAYERS + 1
    assert 0 < plan.experts_on_cpu <= LAYERS
    assert not exceeds(plan, machine(8))
    fewer = plan_fit(experts, machine(8), replace(WISHES, experts_on_cpu=plan.experts_on_cpu - 1))
    assert fewer.gpu_layers < LAYERS + 1
    without = plan_fit(experts, machine(8), replace(WISHES, experts_on_cpu=0))
    assert without.experts_on_cpu == 0
    assert without.gpu_layers < LAYERS


def test_only_the_chosen_layers_are_tried() -> None:
    assert plan_fit(need(), machine(24), replace(WISHES, gpu_layers=10)).gpu_layers == 10
    plan = plan_fit(need(), machine(4), replace(WISHES, gpu_layers=33))
    assert (plan.verdict, plan.gpu_layers) == ("too_large", 33)
    assert plan_fit(need(), machine(), replace(WISHES, gpu_layers=33)).gpu_layers == 0


def test_layers_leave_when_not_even_all_experts_in_ram_are_enough() -> None:
    plan = plan_fit(need(0.5, expert_part=0.5), machine(4), WISHES)
    assert (plan.verdict, plan.experts_on_cpu) == ("shared", LAYERS)
    assert 0 < plan.gpu_layers < LAYERS
    assert exceeds(
        plan_fit(
            need(0.5, expert_part=0.5),
            machine(4),
            replace(WISHES, gpu_layers=plan.gpu_layers + 1, experts_on_cpu=LAYERS),
        ),
        machine(4),
    )


@pytest.mark.parametrize(
    ("shares", "expected"),
    [((), [17, 16]), ((3, 1), [25, 8]), ((0, 1), [33]), ((1,), [33]), ((0, 0), [17, 16])],
)
def test_a_chosen_split(shares: tuple[float, ...], expected: list[int]) -> None:
    spans = place(LAYERS + 1, LAYERS, machine(24, 24), shares)
    assert [span.end - span.first for span in spans] == expected
    assert (spans[0].first, spans[-1].end) == (0, LAYERS + 1)


def test_caches_can_stay_in_ram() -> None:
    plan = plan_fit(need(), machine(4), replace(WISHES, kv_on_device=False))
    assert plan.memory["GPU0"].kv_bytes == 0
    assert plan.gpu_layers > plan_fit(need(), machine(4), WISHES).gpu_layers


def test_the_largest_context_is_the_last_that_fits() -> None:
    plan = plan_fit(need(), machine(8), WISHES)
    assert CONTEXT <= plan.largest_context < TRAINED
    wish = replace(WISHES, gpu_layers=plan.gpu_layers)
    fitting = plan_fit(need(), machine(8), replace(wish, context=plan.largest_context))
    assert fitting.verdict == "on_devices"
    beyond = plan_fit(
        need(), machine(8), replace(wish, context=plan.largest_context + CONTEXT_STEP)
    )
    assert beyond.verdict == "too_large"
    assert plan_fit(need(), machine(80), WISHES).largest_context == TRAINED


@pytest.mark.parametrize("seed", range(200))
def test_no_plan_exceeds_what_is_free_and_one_layer_more_would(seed: int) -> None:
    chance = random.Random(seed)
    hardware = machine(
        *(chance.uniform(0.6, 16) for _ in range(chance.randint(1, 2))),
        ram_gb=chance.uniform(2, 24),
        shares_memory=chance.random() < 0.3,
    )
    model = need(chance.uniform(0.02, 0.5), layers=chance.randint(4, 48))
    plan = plan_fit(model, hardware, WISHES)
    if plan.verdict == "too_large":
        assert all(is_exceeding(model, hardware, count) for count in range(model.layers + 2))
        return
    free = free_bytes(hardware)
    for name, memory in plan.memory.items():
        assert memory.total_bytes <= free[name] - MARGIN_BYTES
    assert sum(plan.layers.values()) == plan.gpu_layers
    if plan.gpu_layers <= model.layers:
        assert is_exceeding(model, hardware, plan.gpu_layers + 1)


def is_exceeding(model: Need, hardware: Hardware, count: int) -> bool:
    plan = plan_fit(model, hardware, replace(WISHES, gpu_layers=count))
    assert plan.gpu_layers == count
    return exceeds(plan, hardware)


def exceeds(plan: Plan, hardware: Hardware) -> bool:
    return max(excess_bytes(plan.memory, hardware, MARGIN_BYTES)) > 0
