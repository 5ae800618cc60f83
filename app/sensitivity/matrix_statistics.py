"""Statistics of a matrix's inputs and gradients: second moments, importance, and samples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import torch

from app.sensitivity.effects import GradientSample
from app.sensitivity.passes import MatrixGradient

_Tensors = tuple[torch.Tensor, torch.Tensor]
_PANEL = 512
"""Columns of a matrix of second moments that one thread computes at a time."""


@dataclass(frozen=True)
class MatrixStatistics:
    """The inputs and gradients of the matrix with this stored name.

    Attributes:
        name: The stored name.
        moments: For each sequence, what it was multiplied by (tokens x columns) in bfloat16, and
            the squared lengths of the gradients at its outputs (tokens).
        sample: Inputs and gradients of other tokens.
    """

    name: str
    moments: Sequence[_Tensors]
    sample: GradientSample

    @property
    def tokens(self) -> int:
        """The number of tokens that the moments are made of."""
        return sum(len(squares) for _, squares in self.moments)

    def importance(self) -> torch.Tensor:
        """Return the mean square of each input, weighted by the squared gradients (columns)."""
        sums = [squares @ inputs.float().square_() for inputs, squares in self.moments]
        return torch.stack(sums).sum(0) / max(1, self.tokens)

    def second_moments(self, pool: Executor) -> torch.Tensor:
        """Return the mean of s x xᵀ (columns x columns), s being a token's squared gradient.

        Guo et al. 2025, "GuidedQuant": weighted by gradients, the inputs' second moments tell what
        an error of the outputs does to the loss.
        """
        width = self.moments[0][0].shape[1]
        moments = torch.zeros(width, width)

        def fill(first: int) -> None:
            panel = slice(first, first + _PANEL)
            # One sequence after the other, because all of them in 32 bits take much memory.
            for inputs, squares in self.moments:
                weighted = inputs[:, panel].float() * squares[:, None]
                moments[panel, first:].addmm_(weighted.T, inputs[:, first:].float())
            moments[first:, panel] = moments[panel, first:].T.clone()

        list(pool.map(fill, range(0, width, _PANEL)))
        return moments.div_(max(1, self.tokens))


class SequenceStatistics(NamedTuple):
    """What is kept of the products of one sequence, by name: for moments, or as a sample.

    These are the inputs and, for moments, the squared lengths of the gradients; for a sample, the
    gradients themselves. Products of the same inputs share them.
    """

    moments: dict[str, list[_Tensors]]
    samples: dict[str, list[_Tensors]]


class StatisticsPlan(NamedTuple):
    """The first `moment_sequences` give moments, the others each a sample of `sample_tokens`."""

    moment_sequences: int
    sample_tokens: int

    def reduce(self, number: int, observed: Sequence[MatrixGradient]) -> SequenceStatistics:
        """Reduce the products of a sequence, by its number."""
        kept = SequenceStatistics(defaultdict(list), defaultdict(list))
        narrowed: dict[int, torch.Tensor] = {}
        for product in observed:
            if number >= self.moment_sequences:
                kept.samples[product.name].append(self._sampled(number, product))
                continue
            address = product.inputs.data_ptr()
            if address not in narrowed:
                narrowed[address] = product.inputs.to(torch.bfloat16)
            squares = product.gradients.square().sum(1)
            kept.moments[product.name].append((narrowed[address], squares))
        return kept

    def _sampled(self, number: int, product: MatrixGradient) -> _Tensors:
        # At random: all tokens depend on the first one, which must not be there too often.
        generator = torch.Generator().manual_seed(number)
        chosen = torch.randperm(len(product.inputs), generator=generator)[: self.sample_tokens]
        return product.inputs[chosen], product.gradients[chosen]


def statistics_of(
    sequences: Sequence[SequenceStatistics], plan: StatisticsPlan
) -> Iterator[MatrixStatistics]:
    """Yield the statistics of each matrix over all sequences, in the order of the products."""
    # An expert sees only some tokens of each, or none.
    text_tokens = (len(sequences) - plan.moment_sequences) * plan.sample_tokens
    seen = chain.from_iterable(s.moments for s in sequences)
    for name in dict.fromkeys(seen):
        moments = list(chain.from_iterable(s.moments.get(name, []) for s in sequences))
        samples = list(chain.from_iterable(s.samples.get(name, []) for s in sequences))
        if not samples:
            # An expert that only the tokens for moments reached.
            samples = [(inputs[:0].float(), squares[:0, None]) for inputs, squares in moments]
        yield MatrixStatistics(
            name,
            moments,
            GradientSample(
                torch.cat([inputs for inputs, _ in samples]),
                torch.cat([gradients for _, gradients in samples]),
                text_tokens,
            ),
        )
