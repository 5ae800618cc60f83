"""Axes: round ticks within the range, and labels with as many decimals as they need."""

from __future__ import annotations

import pytest

from app.gui.plots.axis import Axis, linear_axis, logarithmic_axis, suitable_axis


def labels(axis: Axis) -> list[str]:
    return [axis.label_of(tick) for tick in axis.ticks]


@pytest.mark.parametrize(
    ("values", "most", "expected"),
    [
        ((88.2, 270.9), 6, ["50", "100", "150", "200", "250", "300"]),
        ((4.1, 16.1), 5, ["0", "5", "10", "15", "20"]),
        ((0.30, 0.34), 5, ["0.30", "0.31", "0.32", "0.33", "0.34"]),
        ((1.0, 9.9), 5, ["0.0", "2.5", "5.0", "7.5", "10.0"]),
        ((1000.0, 3000.0), 3, ["1,000", "2,000", "3,000"]),
        ((-2.0, 2.0), 5, ["-2", "-1", "0", "1", "2"]),
    ],
)
def test_linear_ticks_are_round(values: tuple[float, ...], most: int, expected: list[str]) -> None:
    assert labels(linear_axis(values, most)) == expected


@pytest.mark.parametrize("most", range(2, 12))
@pytest.mark.parametrize("values", [(0.013, 7.9), (88.2, 88.9), (1e-6, 3e-6), (5e9, 7e10)])
def test_ticks_hold_the_values_and_are_not_too_many(values: tuple[float, ...], most: int) -> None:
    for axis in (linear_axis(values, most), logarithmic_axis(values, most)):
        assert axis.low <= min(values)
        assert axis.high >= max(values)
        assert list(axis.ticks) == sorted(set(axis.ticks))
        assert axis.low <= axis.ticks[0] < axis.ticks[-1] <= axis.high
    # Rounding the ends outward may add one at either end.
    assert len(linear_axis(values, most).ticks) <= most + 2
    assert len(logarithmic_axis(values, most).ticks) <= most


def test_values_that_hardly_differ_have_ticks_of_few_digits() -> None:
    axis = linear_axis([2.036448, 2.036512], 5)
    assert labels(axis) == ["2.00", "2.02", "2.04", "2.06"]


@pytest.mark.parametrize("value", [0.0, 5.0, -5.0, 1e-9])
def test_a_single_value_gets_a_range(value: float) -> None:
    axis = linear_axis([value], 5)
    assert axis.low < value < axis.high
    assert 0 < axis.share_of(value) < 1


def test_logarithmic_ticks_are_powers_of_ten_or_finer() -> None:
    assert labels(logarithmic_axis([0.009, 0.52], 8)) == [
        *("0.005", "0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1")
    ]
    assert labels(logarithmic_axis([0.009, 0.52], 5)) == ["0.01", "0.1", "1"]
    assert labels(logarithmic_axis([3e-7, 0.5], 4)) == ["1e-6", "0.0001", "0.01"]


def test_positions() -> None:
    linear = linear_axis([0.0, 10.0], 6)
    assert [linear.share_of(value) for value in (0, 2.5, 10, 99)] == [0, 0.25, 1, 1]
    logarithmic = logarithmic_axis([0.01, 1.0], 3)
    assert logarithmic.share_of(0.1) == pytest.approx(0.5)
    assert logarithmic.share_of(0.0) == 0


def test_only_a_wide_range_is_logarithmic() -> None:
    assert suitable_axis([0.01, 0.3], 5).is_logarithmic
    assert not suitable_axis([5.9, 7.2], 5).is_logarithmic
    assert not suitable_axis([0.0], 5).is_logarithmic
    # A file that is the same as its reference has no divergence.
    assert suitable_axis([0.0, 0.01, 0.3], 5).is_logarithmic
