"""Option costs: the difference in memory from their defaults, at the same placement."""

from __future__ import annotations

from app.core.load_options import LoadOptions
from app.estimation.costs import Cost, costs
from app.estimation.model_profile import ModelProfile
from app.estimation.predictions import predict_levels
from tests.support.profiles import file_profile

KV_BYTES = 131072
"""Of one token, all layers and f16."""


def costs_of(profile: ModelProfile, options: LoadOptions) -> dict[str, Cost]:
    plan = predict_levels(profile, options)[0].plan
    assert plan is not None
    return costs(profile, options, plan)


def test_the_usual_costs_nothing() -> None:
    assert costs_of(file_profile(8), LoadOptions()) == {}
    assert costs_of(file_profile(8), LoadOptions(threads=3, memory_lock=True)) == {}


def test_a_context_costs_its_keys_and_values_and_buffers() -> None:
    found = costs_of(file_profile(), LoadOptions(context=8192))
    assert found == {"context": Cost(0, 4096 * (KV_BYTES + 512))}


def test_an_option_is_compared_with_the_layers_where_they_are() -> None:
    found = costs_of(file_profile(6), LoadOptions(context=16384, cache_type_k="q8_0"))
    assert found["context"].devices_bytes > 0
    assert found["context"].ram_bytes > 0
    assert found["cache_type_k"].devices_bytes < 0


def test_layers_move_from_one_memory_to_the_other() -> None:
    cost = costs_of(file_profile(12), LoadOptions(gpu_layers=10))["gpu_layers"]
    assert cost.devices_bytes < -3 * 10**9
    assert cost.ram_bytes > 3 * 10**9


def test_keys_and_values_move_from_the_device() -> None:
    profile = file_profile(12)
    cost = costs_of(profile, LoadOptions(kv_on_device=False))["kv_on_device"]
    assert cost.ram_bytes > 4000 * KV_BYTES
    assert cost.devices_bytes < -4000 * KV_BYTES


def test_what_was_chosen_and_does_not_fit_is_the_plan() -> None:
    profile = file_profile(4, experts=64, layer_gb=0.5)
    options = LoadOptions(gpu_layers=99, experts_on_cpu=3)
    plan = predict_levels(profile, options)[0].plan
    assert plan is not None
    assert plan.verdict == "too_large"
    assert (plan.gpu_layers, plan.experts_on_cpu) == (33, 3)
    assert plan.memory["CPU"].weights_bytes == 100 * 10**6 + 3 * 450 * 10**6
