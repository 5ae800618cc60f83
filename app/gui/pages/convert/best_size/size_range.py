"""The sizes that a file of a source may have, from below its smallest plain level to Q8_0."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from app.core.events import LevelPlanned
from app.core.levels import LEVELS
from app.core.sizes import KILOBYTE, MEGABYTE

_LARGEST = "Q8_0"
_PLAIN = frozenset(level.name for level in LEVELS) - {"F16", "BF16", "F32"}
_FEWEST_BITS = 2.25
"""Bits per weight of about the smallest file: layers in IQ2_XXS, the rest in Q2_K."""
_BITS_WITHOUT_BLOCKS = 4.25
"""From here on, the smallest level has rows that are no multiples of 256, as IQ2_XXS needs them."""
_FEWEST_UNITS = 100
_MOST_STEPS = 200
_NICE = (1, 2, 5)


@dataclass(frozen=True)
class SizeRange:
    """Sizes in whole units.

    Attributes:
        smallest: The smallest plain level of the source.
        largest: Its Q8_0.
    """

    smallest: LevelPlanned
    largest: LevelPlanned

    @property
    def unit_bytes(self) -> int:
        """The size of a unit: a megabyte, or a kilobyte for tiny models."""
        is_tiny = self.largest.size_bytes < _FEWEST_UNITS * MEGABYTE
        return KILOBYTE if is_tiny else MEGABYTE

    @property
    def least(self) -> int:
        """The fewest units, with room for about the smallest file."""
        low = self.smallest
        fewer = low.bits_per_weight - _FEWEST_BITS
        has_blocks = _FEWEST_BITS < low.bits_per_weight < _BITS_WITHOUT_BLOCKS
        spared = fewer / self._bits_per_byte if has_blocks else 0
        return math.ceil((low.size_bytes - spared) / self.unit_bytes)

    @property
    def most(self) -> int:
        """The most units, with room for the largest level."""
        return -(-self.largest.size_bytes // self.unit_bytes)

    def units(self, size_bytes: int) -> int:
        """Return the units within the range that are nearest to a size without exceeding it."""
        return min(max(size_bytes // self.unit_bytes, self.least), self.most)

    def bits_per_weight(self, units: int) -> float:
        """Return the average bits of a file of this size; its header has one size at all levels."""
        more_bytes = units * self.unit_bytes - self.smallest.size_bytes
        return self.smallest.bits_per_weight + more_bytes * self._bits_per_byte

    @property
    def _bits_per_byte(self) -> float:
        low, high = self.smallest, self.largest
        return (high.bits_per_weight - low.bits_per_weight) / (high.size_bytes - low.size_bytes)

    def file_of(self, units: int) -> LevelPlanned:
        """Return a file of this size."""
        size_bytes, bits = units * self.unit_bytes, self.bits_per_weight(units)
        return LevelPlanned(self.largest.level, size_bytes, bits, "")

    def steps(self) -> tuple[int, ...]:
        """Return round numbers of units from the least to the most, at most about 200."""
        step = _step(self.most - self.least)
        first = (self.least // step + 1) * step
        return (self.least, *range(first, self.most, step), self.most)


def size_range(planned: Iterable[LevelPlanned]) -> SizeRange | None:
    """Return the range of a source's sizes; None if it can't be quantized to several levels."""
    plain = {level.level: level for level in planned if level.level in _PLAIN}
    largest = plain.get(_LARGEST)
    smallest = min(plain.values(), key=lambda level: level.size_bytes, default=None)
    if largest is None or smallest is None or smallest.size_bytes == largest.size_bytes:
        return None
    return SizeRange(smallest, largest)


def _step(span: int) -> int:
    """Return the least of 1, 2, 5, 10, 20, … that makes few enough steps."""
    tens = 1
    while True:
        for nice in _NICE:
            if span <= nice * tens * _MOST_STEPS:
                return nice * tens
        tens *= 10
