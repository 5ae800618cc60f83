"""How well a model predicted the tokens of a text, gathered place by place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.measurement.probabilities import Doubles, Floats, kl_divergences, log_softmax

_PLACES_AT_ONCE = 16


@dataclass(frozen=True)
class Divergence:
    """How far a model is from its reference: KL divergences over all places, in nats.

    `top_token_agreement` is the share of places (0 to 1) where both hold the same token for the
    likeliest.
    """

    mean: float
    median: float
    p999: float
    top_token_agreement: float


class Scores:
    """What came of the places of a text at which a model had to predict the next token."""

    def __init__(self) -> None:
        self._logarithms: list[Floats] = []
        self._divergences: list[Doubles] = []
        self._agreements: list[npt.NDArray[np.bool_]] = []

    def add(self, following: Sequence[int], logits: Floats, reference: Floats | None) -> None:
        """Score the logits (places, vocabulary) by the tokens that follow.

        `reference` are those of the model to compare with, at the same places.
        """
        # A few at a time: the temporary arrays of a large vocabulary stay in the caches.
        for start in range(0, len(following), _PLACES_AT_ONCE):
            places = slice(start, min(start + _PLACES_AT_ONCE, len(following)))
            logarithms = log_softmax(logits[places])
            self._logarithms.append(
                np.take_along_axis(logarithms, np.array(following[places])[:, None], axis=1)[:, 0]
            )
            if reference is not None:
                expected = log_softmax(reference[places])
                self._divergences.append(kl_divergences(expected, logarithms))
                self._agreements.append(expected.argmax(axis=1) == logarithms.argmax(axis=1))

    @property
    def perplexity(self) -> float:
        """The reciprocal of the geometric mean of the probabilities of the tokens that came."""
        return float(np.exp(-np.concatenate(self._logarithms).mean(dtype=np.float64)))

    @property
    def divergence(self) -> Divergence | None:
        """How far from the reference; None when there was none."""
        if not self._divergences:
            return None
        divergences = np.concatenate(self._divergences)
        median, p999 = np.percentile(divergences, (50, 99.9))
        agreement = np.concatenate(self._agreements).mean()
        return Divergence(float(divergences.mean()), float(median), float(p999), float(agreement))
