"""Predictions of levels: profiles reach another process whole, and options are possible."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from app.core.load_options import LoadOptions
from app.estimation.compute_buffers import LoadSample
from app.estimation.hardware import Hardware
from app.estimation.model_profile import LevelProfile, ModelProfile, decode_profile, encode_profile
from app.estimation.model_shape import ModelShape
from app.estimation.predictions import effective_options, predict_levels
from app.estimation.rates import MachineRates
from app.estimation.speed import TypedWeights
from app.estimation.weights import Weights
from app.native.load_log import Cache

LAYERS, TRAINED = 4, 8192
SHAPE = ModelShape("llama", LAYERS, 64, 4, (4,) * LAYERS, 16, 16, 0, 0, 0, 0, 0, 100, TRAINED)
WEIGHTS = Weights(1000, (500,) * LAYERS, (0,) * LAYERS, 200, 0)
CACHE = Cache(
    TRAINED, 8 << 20, tuple(range(LAYERS)), ("CPU",) * LAYERS, 4 << 20, "f16", 4 << 20, "f16"
)
PROFILE = ModelProfile(
    hardware=Hardware(4, 8, 8 << 30, 4 << 30),
    shape=SHAPE,
    is_causal=True,
    largest_context=TRAINED,
    levels=(
        LevelProfile("Q4_K_M", 3000, True, 4.8, WEIGHTS),
        LevelProfile("Q8_0", None, False, None, problem="It can't be known."),
    ),
    caches=(CACHE,),
    samples=(LoadSample(LoadOptions(gpu_layers=0, experts_on_cpu=0), {"CPU": 10**6}),),
)


def test_a_profile_is_the_same_in_another_process() -> None:
    predict_levels(PROFILE, LoadOptions())
    assert decode_profile(encode_profile(PROFILE)) == PROFILE


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"hardware": 1}'])
def test_other_text_is_refused_as_a_profile(text: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_profile(text)


def test_a_level_takes_weights_caches_and_buffers() -> None:
    known, unknown = predict_levels(PROFILE, LoadOptions(context=4096))
    assert known.plan is not None
    memory = known.plan.memory["CPU"]
    assert memory.weights_bytes == 1000 + 4 * 500 + 200
    assert memory.kv_bytes == 4 << 20
    assert memory.compute_bytes == 10**6
    assert known.plan.largest_context == TRAINED
    assert (unknown.plan, unknown.problem) == (None, "It can't be known.")


def test_what_the_engine_refuses_has_no_plan_and_says_so() -> None:
    for profile in (
        replace(PROFILE, samples=()),
        replace(PROFILE, levels=(replace(PROFILE.levels[0], weights=None),)),
    ):
        assert predict_levels(profile, LoadOptions())[0].plan is None
        assert "unknown" in predict_levels(profile, LoadOptions())[0].problem


def test_what_is_unknown_has_a_reason_once_nothing_more_comes() -> None:
    rates = MachineRates(2, {})
    typed = TypedWeights(({"Q8_0": 1},) * LAYERS, ({},) * LAYERS, {})
    level = replace(PROFILE.levels[0], typed=typed)
    profile = replace(PROFILE, levels=(level,), rates=rates)
    (row,) = predict_levels(profile, LoadOptions())
    assert row.speed_problem == "The speed of CPU with Q8_0 has not been measured."
    assert "No quality figures" in row.quality_problem
    assert row.problems == (row.speed_problem, row.quality_problem)
    (row,) = predict_levels(
        replace(profile, speed_problem="It broke.", is_causal=False), LoadOptions()
    )
    assert row.problems == ("It broke.", "Quality is estimated only for models that write text.")
    # Rates are on their way.
    (row,) = predict_levels(replace(profile, rates=None), LoadOptions())
    assert row.speed_problem == ""


def test_no_context_is_beyond_the_trained_one() -> None:
    assert effective_options(PROFILE, LoadOptions(context=10**6)).context == TRAINED
    unknown = replace(PROFILE, shape=replace(SHAPE, trained_context=0))
    assert effective_options(unknown, LoadOptions(context=10**6)).context == 10**6


def test_what_looks_ahead_reads_its_context_at_once() -> None:
    options = effective_options(replace(PROFILE, is_causal=False), LoadOptions(context=512))
    assert (options.batch, options.micro_batch) == (512, 512)
