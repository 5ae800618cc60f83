"""Predictions from the sum of harms and measured files."""

from __future__ import annotations

import pytest

from app.allocation.calibrated_harm import CalibratedHarm, divergence_by_two

FLOOR = 0.001


@pytest.mark.parametrize("measured", [0.012, 0.031, 0.05])
def test_the_measured_mix_itself_is_predicted_exactly(measured: float) -> None:
    calibrated = CalibratedHarm(harm=0.03, floor=FLOOR, measured=measured)
    assert calibrated.divergence(0.03) == pytest.approx(measured)


@pytest.mark.parametrize("measured", [0.012, 0.031, 0.05])
def test_more_harm_means_more_divergence_and_none_the_floor(measured: float) -> None:
    calibrated = CalibratedHarm(harm=0.03, floor=FLOOR, measured=measured)
    predicted = [calibrated.divergence(harm) for harm in (0.0, 0.001, 0.01, 0.03, 0.06)]
    assert predicted[0] == FLOOR
    assert predicted == sorted(set(predicted))


def test_small_harms_saturate_less_than_large_ones() -> None:
    calibrated = CalibratedHarm(harm=0.1, floor=0.0, measured=0.05)
    assert calibrated.divergence(0.01) / 0.01 > calibrated.divergence(0.1) / 0.1


def test_what_the_sum_leaves_out_shrinks_more_slowly_than_the_harm() -> None:
    calibrated = CalibratedHarm(harm=0.004, floor=0.0, measured=0.008)
    assert calibrated.divergence(0.001) == pytest.approx(0.001 + 0.004 / 2)


def test_a_mix_without_harm_predicts_the_floor() -> None:
    assert CalibratedHarm(harm=0.0, floor=FLOOR, measured=0.002).divergence(0.5) == FLOOR


def test_two_files_are_predicted_exactly_and_what_is_between_by_a_power() -> None:
    small, large = CalibratedHarm(0.01, FLOOR, 0.011), CalibratedHarm(0.16, FLOOR, 0.641)
    for one, other in ((small, large), (large, small)):
        assert divergence_by_two(one, other, 0.01) == pytest.approx(0.011)
        assert divergence_by_two(one, other, 0.16) == pytest.approx(0.641)
        assert divergence_by_two(one, other, 0.04) == pytest.approx(FLOOR + 0.08)


def test_beyond_two_files_the_nearer_one_tells() -> None:
    small, large = CalibratedHarm(0.01, FLOOR, 0.02), CalibratedHarm(0.16, FLOOR, 0.4)
    assert divergence_by_two(large, small, 0.004) == small.divergence(0.004)
    assert divergence_by_two(large, small, 0.3) == large.divergence(0.3)


@pytest.mark.parametrize("measured", [FLOOR, 0.0])
def test_a_file_below_the_floor_tells_nothing_of_larger_harms(measured: float) -> None:
    small, large = CalibratedHarm(0.01, FLOOR, measured), CalibratedHarm(0.16, FLOOR, 0.4)
    assert divergence_by_two(small, large, 0.04) == large.divergence(0.04)
