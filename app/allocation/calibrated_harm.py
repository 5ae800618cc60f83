"""Predict the mean KL divergence of a file from the sum of its harms and measured files."""

from __future__ import annotations

import math
from typing import NamedTuple


class CalibratedHarm(NamedTuple):
    """A mix that was measured; all figures are in nats.

    Attributes:
        harm: The sum of its harms, which leaves out all terms of higher order.
        floor: The mean KL divergence that the engine's 8-bit inputs alone cause.
        measured: The mean KL divergence of the mix, inputs included.
    """

    harm: float
    floor: float
    measured: float

    def divergence(self, harm: float) -> float:
        """Return the mean KL divergence of a file whose harms have this sum.

        The measured mix tells what the sum leaves out. Too little, and it comes from a few tokens
        at which attention turns elsewhere: it grows with the errors, the square root of harm. Too
        much, and large errors saturate, which small ones do not. Both were found to hold within
        1.3 times from 2.7 to 6.6 bits (`python -m tests.benchmarks.predicted_divergence`).
        """
        if harm <= 0 or self.harm <= 0:
            return self.floor
        size = math.sqrt(harm / self.harm)
        left_out = self.measured - self.floor - self.harm
        if left_out >= 0:
            return self.floor + harm + left_out * size
        factor = max(self.measured - self.floor, 0.0) / self.harm
        return self.floor + harm * math.pow(factor, size)


def divergence_by_two(one: CalibratedHarm, other: CalibratedHarm, harm: float) -> float:
    """Return the mean KL divergence of a file with this sum of harms, by two measured files.

    Between them it is a power of harm; beyond, the nearer one tells. By one file alone, a level far
    away was predicted up to 7 times too high.
    """
    lower, upper = sorted((one, other))
    if harm <= lower.harm:
        return lower.divergence(harm)
    left, right = lower.measured - lower.floor, upper.measured - upper.floor
    if harm >= upper.harm or min(lower.harm, left, right) <= 0:
        return upper.divergence(harm)
    share = math.log(harm / lower.harm) / math.log(upper.harm / lower.harm)
    return lower.floor + math.pow(left, 1 - share) * math.pow(right, share)
