"""Effects of errors in a matrix on the loss, and the KL divergence that they cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch


class EffectSum(Protocol):
    """Sums the effects of errors that are given for some rows at a time."""

    def add(self, error: torch.Tensor, rows: slice) -> None:
        """Add the effect of what is missing from some rows of the matrix (rows x columns)."""

    def divergence(self) -> float:
        """Return the mean KL divergence per token, in nats, to second order."""


class EffectSample(Protocol):
    """Tokens on which effects of errors are measured."""

    def new_sum(self) -> EffectSum:
        """Return an empty sum."""


class GradientSample(NamedTuple):
    """Inputs (tokens x columns) and gradients of the loss by the outputs (tokens x rows).

    They are those of `text_tokens` tokens, of which an expert sees only some.
    """

    inputs: torch.Tensor
    gradients: torch.Tensor
    text_tokens: int

    def new_sum(self) -> EffectSum:
        """Return an empty sum over these tokens."""
        return _ProductEffects(self)

    def of_rows(self, rows: slice | torch.Tensor) -> GradientSample:
        """Return the sample for some rows of the matrix."""
        return self._replace(gradients=self.gradients[:, rows])

    def weightiest_rows(self, weights: torch.Tensor, count: int) -> torch.Tensor:
        """Return the numbers of the rows whose errors do most harm, in rising order.

        Args:
            weights: The matrix (rows x columns); errors of a row grow with its length.
            count: The number of rows; fewer where the matrix has fewer.
        """
        weight = self.gradients.norm(dim=0) * weights.norm(dim=1)
        return weight.argsort(descending=True, stable=True)[:count].sort().values


class LookupSample(NamedTuple):
    """Looked up rows of an embedding (tokens), and gradients by them (tokens x columns)."""

    rows: torch.Tensor
    gradients: torch.Tensor

    def new_sum(self) -> EffectSum:
        """Return an empty sum over these tokens."""
        return _LookupEffects(self)


class CombinedSample(NamedTuple):
    """Uses of one matrix whose effects are independent, such as those of a tied embedding."""

    samples: Sequence[EffectSample]

    def new_sum(self) -> EffectSum:
        """Return an empty sum over all uses."""
        return _CombinedEffects([sample.new_sum() for sample in self.samples])


class _ProductEffects:
    def __init__(self, sample: GradientSample) -> None:
        self._sample = sample
        self._effects = torch.zeros(len(sample.inputs))

    def add(self, error: torch.Tensor, rows: slice) -> None:
        if not len(self._effects):
            return
        outputs = self._sample.inputs @ error.T
        self._effects += (outputs * self._sample.gradients[:, rows]).sum(1)

    def divergence(self) -> float:
        return _half_mean_square(self._effects, self._sample.text_tokens)


class _LookupEffects:
    def __init__(self, sample: LookupSample) -> None:
        self._sample = sample
        self._effects = torch.zeros(len(sample.rows))

    def add(self, error: torch.Tensor, rows: slice) -> None:
        looked_up = self._sample.rows
        hit = ((looked_up >= rows.start) & (looked_up < rows.stop)).nonzero()[:, 0]
        errors = error[looked_up[hit] - rows.start]
        self._effects[hit] = (errors * self._sample.gradients[hit]).sum(1)

    def divergence(self) -> float:
        return _half_mean_square(self._effects, len(self._effects))


class _CombinedEffects:
    def __init__(self, sums: Sequence[EffectSum]) -> None:
        self._sums = sums

    def add(self, error: torch.Tensor, rows: slice) -> None:
        for one in self._sums:
            one.add(error, rows)

    def divergence(self) -> float:
        return sum(one.divergence() for one in self._sums)


def _half_mean_square(effects: torch.Tensor, tokens: int) -> float:
    """Return half the mean of (g · E x)², the second-order term with the Fisher information."""
    return float(effects.square().sum()) / (2 * max(1, tokens))
