"""Grade levels in four steps, by their quality or else by their bits per weight."""

from __future__ import annotations

import math
from bisect import bisect_right
from enum import IntEnum

from app.estimation.model_profile import LevelProfile
from app.estimation.predictions import LevelPrediction

_DIVERGENCES = (0.01, 0.06, 0.2)
"""Mean KL divergences in nats: Llama 3 8B has 0.005 at Q6_K, 0.031 at Q4_K_M, 0.10 at Q3_K_M, 0.45
at Q2_K (llama.cpp, tools/perplexity/README.md)."""
_BITS = (3.7, 4.4, 6.5)
"""Bits per weight that separate these levels."""


class Grade(IntEnum):
    """A grade of quality, the best first."""

    NEARLY_LOSSLESS = 0
    GOOD = 1
    NOTICEABLE_LOSS = 2
    CLEARLY_WORSE = 3


def grade_of(row: LevelPrediction) -> Grade | None:
    """Return a level's grade; None if neither its quality nor its bits are known."""
    if row.quality is not None:
        return grade_of_divergence(row.quality.kl_divergence)
    bits = row.profile.bits_per_weight
    return None if bits is None else Grade(len(_BITS) - bisect_right(_BITS, bits))


def grade_of_divergence(divergence: float) -> Grade:
    """Return the grade of a mean KL divergence in nats."""
    return Grade(bisect_right(_DIVERGENCES, divergence))


def loss_of(row: LevelPrediction) -> float:
    """Return a level's mean KL divergence, or a stand-in that orders levels of unknown quality.

    The divergence about doubles with each 0.8 bits less (same table), hence the stand-in.
    """
    if row.quality is not None:
        return row.quality.kl_divergence
    return math.exp2(-1.25 * (row.profile.bits_per_weight or 0.0))


def parameter_count(levels: tuple[LevelProfile, ...]) -> float | None:
    """Return how many weights a model has; None if no level's size is known."""
    known = sorted(
        (level.bits_per_weight, level.size_bytes)
        for level in levels
        if level.size_bytes and level.bits_per_weight
    )
    if not known:
        return None
    (fewest, smallest), (most, largest) = known[0], known[-1]
    if fewest == most:
        return 8 * largest / most
    # The header, of one size in all files, cancels out.
    return 8 * (largest - smallest) / (most - fewest)
