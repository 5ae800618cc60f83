"""Axes of plots: the range, round ticks, and their labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_IN_DECADE = (1.0, 2.0, 5.0)
_SLACK = 1e-9
_FEWEST_TICKS = 2
_SMALLEST_PLAIN = 1e-4
_LARGEST_PLAIN = 1e6
_WIDE_RANGE = 20.0
_LEAST_SPREAD = 0.02
"""The smallest length of an axis, relative to its values; less would need too many digits."""


@dataclass(frozen=True)
class Axis:
    """A range of values with its ticks, which lie within it."""

    low: float
    high: float
    ticks: tuple[float, ...]
    is_logarithmic: bool = False

    def share_of(self, value: float) -> float:
        """Return the position of a value, 0 at the low end and 1 at the high one.

        Values beyond an end lie at it: zero has no place on a logarithmic axis.
        """
        if self.is_logarithmic:
            if value <= self.low:
                return 0.0
            low, high, value = math.log(self.low), math.log(self.high), math.log(value)
        else:
            low, high = self.low, self.high
        return min(1.0, max(0.0, (value - low) / (high - low)))

    def label_of(self, tick: float) -> str:
        """Return a tick as text, with as many decimals as all ticks need."""
        if self.is_logarithmic:
            return _plain(tick)
        step = min((b - a for a, b in zip(self.ticks, self.ticks[1:], strict=False)), default=1.0)
        decimals = next((d for d in range(12) if _is_whole(step * 10**d)), 12)
        return f"{tick:,.{decimals}f}"


def linear_axis(values: Sequence[float], most_ticks: int) -> Axis:
    """Return an axis that holds all values between round ends; there is at least one value."""
    low, high = min(values), max(values)
    least = _LEAST_SPREAD * max(abs(low), abs(high)) or 1.0
    if high - low < least:
        middle = (low + high) / 2
        low, high = middle - least / 2, middle + least / 2
    step = _step(high - low, most_ticks)
    first, last = math.floor(low / step + _SLACK), math.ceil(high / step - _SLACK)
    ticks = tuple(_rounded(number * step) for number in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], ticks)


def logarithmic_axis(values: Sequence[float], most_ticks: int) -> Axis:
    """Return an axis whose ticks are powers of ten, or also 2 and 5 times these, if they fit.

    Values of zero and below don't count; there is at least one above.
    """
    positive = [value for value in values if value > 0]
    low, high = _below(min(positive)), _above(max(positive))
    if high <= low:
        high = _above(low * (1 + _STEPS[1]))
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    fine = [_rounded(part * 10.0**power) for power in decades for part in _IN_DECADE]
    ticks = [tick for tick in fine if low * (1 - _SLACK) <= tick <= high * (1 + _SLACK)]
    if len(ticks) > most_ticks:
        coarse = [tick for tick in ticks if _is_power(tick)]
        skipped = math.ceil(len(coarse) / most_ticks)
        ticks = coarse[::skipped] if len(coarse) >= _FEWEST_TICKS else [ticks[0], ticks[-1]]
    return Axis(low, high, tuple(ticks), is_logarithmic=True)


def suitable_axis(values: Sequence[float], most_ticks: int) -> Axis:
    """Return a logarithmic axis if the largest positive value is at least 20 times the smallest."""
    positive = [value for value in values if value > 0]
    if positive and max(positive) >= _WIDE_RANGE * min(positive):
        return logarithmic_axis(values, most_ticks)
    return linear_axis(values, most_ticks)


def _step(length: float, most_ticks: int) -> float:
    """Return the smallest round step that needs no more ticks than wanted for a length."""
    rough = length / max(1, most_ticks - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    return next(part * power for part in _STEPS if part * power >= rough * (1 - _SLACK))


def _below(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value) + _SLACK)
    return max(
        _rounded(part * power) for part in _IN_DECADE if part * power <= value * (1 + _SLACK)
    )


def _above(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value) + _SLACK)
    parts = (*_IN_DECADE, 10.0)
    return min(_rounded(part * power) for part in parts if part * power >= value * (1 - _SLACK))


def _is_power(tick: float) -> bool:
    return _is_whole(math.log10(tick))


def _is_whole(value: float) -> bool:
    return abs(value - round(value)) <= _SLACK * max(1.0, abs(value)) * 10


def _rounded(value: float) -> float:
    """Return the value without the error of a multiplication."""
    return float(f"{value:.12g}")


def _plain(tick: float) -> str:
    if not _SMALLEST_PLAIN <= tick < _LARGEST_PLAIN:
        return f"{tick:.0e}".replace("e-0", "e-").replace("e+0", "e")
    decimals = max(0, -math.floor(math.log10(tick) + _SLACK))
    return f"{tick:,.{decimals}f}"
