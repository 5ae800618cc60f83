"""Predictions from the sum of harms and one measured mix."""

from __future__ import annotations

import pytest

from app.allocation.calibrated_harm import CalibratedHarm

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
