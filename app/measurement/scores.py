"""Score a model's predictions of the tokens of a text, position by position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.measurement.probabilities import Doubles, Floats, kl_divergences, log_softmax

_POSITIONS_AT_ONCE = 16


@dataclass(frozen=True)
class Divergence:
    """The distance of a model from its reference: KL divergences over all positions, in nats.

    `top_token_agreement` is the share of positions (0 to 1) with the same most likely token.
    """

    mean: float
    median: float
    p999: float
    top_token_agreement: float


class Scores:
    """The scores of all positions at which a model predicted the next token."""

    def __init__(self) -> None:
        self._logarithms: list[Floats] = []
        self._divergences: list[Doubles] = []
        self._agreements: list[npt.NDArray[np.bool_]] = []

    def add(self, following: Sequence[int], logits: Floats, reference: Floats | None) -> None:
        """Score the logits (positions, vocabulary) by the tokens that follow.

        `reference` has the logits of the model to compare with, at the same positions.
        """
        # A few at a time: temporary arrays of a large vocabulary stay in the CPU caches.
        for start in range(0, len(following), _POSITIONS_AT_ONCE):
            positions = slice(start, min(start + _POSITIONS_AT_ONCE, len(following)))
            logarithms = log_softmax(logits[positions])
            self._logarithms.append(
                np.take_along_axis(logarithms, np.array(following[positions])[:, None], axis=1)[
                    :, 0
                ]
            )
            if reference is not None:
                expected = log_softmax(reference[positions])
                self._divergences.append(kl_divergences(expected, logarithms))
                self._agreements.append(expected.argmax(axis=1) == logarithms.argmax(axis=1))

    @property
    def perplexity(self) -> float:
        """The reciprocal of the geometric mean of the probabilities of the actual tokens."""
        return float(np.exp(-np.concatenate(self._logarithms).mean(dtype=np.float64)))

    @property
    def divergence(self) -> Divergence | None:
        """The distance from the reference; None without one."""
        if not self._divergences:
            return None
        divergences = np.concatenate(self._divergences)
        median, p999 = np.percentile(divergences, (50, 99.9))
        agreement = np.concatenate(self._agreements).mean()
        return Divergence(float(divergences.mean()), float(median), float(p999), float(agreement))
