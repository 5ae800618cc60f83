"""Real speeds correct predictions: those of the level first, within bounds, and none if damaged."""

from __future__ import annotations

import pytest

from app.core import paths
from app.estimation.speed import NO_CORRECTION, Correction, PredictedSpeed
from app.profiling.speed_history import (
    SpeedRatios,
    correction_for,
    speed_ratios,
    store_speed,
    stored_speeds,
)

PREDICTED = PredictedSpeed(prompt_tokens_per_second=100, generation_tokens_per_second=20)


def speed(level: str, generation: float, model: str = "a", machine: str = "here") -> SpeedRatios:
    return SpeedRatios(machine, model, level, None, generation)


def test_a_speed_is_stored_as_its_ratio_to_the_prediction() -> None:
    speed_ratio = speed_ratios("here", "a", "Q8_0", PREDICTED, generation_tokens_per_second=15)
    assert speed_ratio == SpeedRatios("here", "a", "Q8_0", None, 0.75)
    store_speed(speed_ratio)
    assert stored_speeds() == (speed_ratio,)


@pytest.mark.parametrize("real", [None, 0.0, float("nan"), float("inf")])
def test_what_is_no_speed_is_no_ratio(real: float | None) -> None:
    speed_ratio = speed_ratios("here", "a", "Q8_0", PREDICTED, prompt_tokens_per_second=real)
    assert speed_ratio.prompt is None


def test_only_the_last_nine_of_a_level_are_kept() -> None:
    store_speed(speed("Q4_K_M", 0.5))
    for number in range(12):
        store_speed(speed("Q8_0", 1 + number / 100))
    stored = [one.generation for one in stored_speeds() if one.level == "Q8_0"]
    assert stored == [1 + number / 100 for number in range(3, 12)]
    assert [one.generation for one in stored_speeds() if one.level == "Q4_K_M"] == [0.5]


@pytest.mark.parametrize("content", [b"", b"{", b'[{"machine": 5}]', b"\xff"])
def test_a_damaged_file_is_replaced(content: bytes) -> None:
    paths.speeds_file().write_bytes(content)
    assert stored_speeds() == ()
    store_speed(speed("Q8_0", 0.9))
    assert stored_speeds() == (speed("Q8_0", 0.9),)


def test_the_median_of_the_level_counts_before_that_of_others() -> None:
    speeds = [speed("Q8_0", ratio) for ratio in (0.7, 0.9, 0.8)]
    speeds += [speed("Q4_K_M", 1.3), speed("Q8_0", 1.5, machine="elsewhere")]
    speeds += [speed("F16", 1.1, model="b")] * 9
    assert correction_for(speeds, "here", "a", "Q8_0") == Correction(1.0, 0.8)
    assert correction_for(speeds, "here", "a", "Q2_K").generation == pytest.approx(0.85)
    assert correction_for(speeds, "here", "c", "Q2_K").generation == 1.1


def test_few_timings_of_other_models_and_those_of_other_machines_correct_nothing() -> None:
    speeds = [speed("Q8_0", 0.7), speed("Q8_0", 0.7)]
    assert correction_for(speeds, "here", "b", "Q8_0") == NO_CORRECTION
    assert correction_for(speeds * 2, "elsewhere", "a", "Q8_0") == NO_CORRECTION


@pytest.mark.parametrize(("ratio", "bounded"), [(0.01, 0.5), (50.0, 2.0)])
def test_a_correction_is_bounded(ratio: float, bounded: float) -> None:
    corrected = correction_for([speed("Q8_0", ratio)], "here", "a", "Q8_0")
    assert corrected == Correction(1.0, bounded)
