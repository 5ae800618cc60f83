"""The matrices of a checkpoint with statistics of their inputs and gradients, one after the other.

The output comes first, then the layers from the last to the first, then the embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import torch

from app.core.events import Event, Progressed
from app.core.files import temporary_folder
from app.gguf_file.tensor_names import EMBEDDING
from app.sensitivity.effects import CombinedSample, EffectSample, LookupSample
from app.sensitivity.layered_model import LayeredModel
from app.sensitivity.matrix_statistics import MatrixStatistics, StatisticsPlan, statistics_of
from app.sensitivity.passes import Passes, single_threaded_pool
from app.sensitivity.requests import (
    LAYERS,
    OUTPUT_SAMPLE_TOKENS,
    SAMPLED_SEQUENCES,
    CheckpointTokens,
    Place,
)

GradingStep = Literal["sensitivity", "rounding"]
"""What matrices are graded for: to measure errors in them, or to correct their rounding."""
_WAY_DOWN = 7
"""The time of a layer on the way down, in that of one on the way up."""


@dataclass(frozen=True)
class GradedMatrix:
    """A matrix (rows x columns), what it becomes, and what errors in it would do.

    `statistics` is None for an embedding that is only looked up.
    """

    place: Place
    weights: torch.Tensor
    statistics: MatrixStatistics | None
    sample: EffectSample

    @property
    def is_in_layer(self) -> bool:
        """True for matrices of layers, False for the embedding and the output."""
        return self.place.tensor.startswith(LAYERS)


@contextmanager
def graded_matrices(
    source: CheckpointTokens, step: GradingStep, report: Callable[[Event], None]
) -> Iterator[tuple[Iterator[GradedMatrix], Executor]]:
    """Provide the matrices of a checkpoint, and the pool that they are computed by.

    The last sequences of the tokens give the samples, the others the moments. Each matrix is valid
    until the next one is taken. The progress is that of `step`.

    Raises:
        AppError: `gradients_unavailable`, `disk_full`.
    """
    with temporary_folder() as scratch, single_threaded_pool(source.threads) as pool:
        run = _Run(source, scratch, pool, partial(_report_progress, step, report))
        yield run.matrices(), pool


def _report_progress(
    step: GradingStep, report: Callable[[Event], None], done_bytes: int, total_bytes: int
) -> None:
    report(Progressed(step, done_bytes, total_bytes))


class _Run:
    def __init__(
        self,
        source: CheckpointTokens,
        scratch: Path,
        pool: Executor,
        report: Callable[[int, int], None],
    ) -> None:
        self._model = LayeredModel(Path(source.checkpoint), len(source.tokens[0]))
        self._places = source.places
        self._tokens = torch.tensor(source.tokens)
        self._passes = Passes(self._model, self._tokens, scratch, pool)
        self._work = _Work(self._model, report)

    def matrices(self) -> Iterator[GradedMatrix]:
        """Yield the matrices."""
        self._passes.go_up(self._work.layer_passed)
        tied = []
        for matrix in self._of_output():
            # A tied embedding must wait for its lookups.
            if matrix.place.tensor == EMBEDDING:
                tied.append(matrix)
            else:
                yield matrix
        for number in reversed(range(self._model.layer_count)):
            yield from self._of_layer(number)
            self._work.layer_observed()
        yield from self._of_embedding(tied)

    def _of_output(self) -> Iterator[GradedMatrix]:
        parts = self._passes.output_parts
        moments = parts * (len(self._tokens) - SAMPLED_SEQUENCES)
        plan = StatisticsPlan(moments, OUTPUT_SAMPLE_TOKENS // parts)
        for statistics in statistics_of(self._passes.observe_output(plan.reduce), plan):
            weights = self._model.outside_weights[statistics.name]
            yield from self._graded(statistics, weights)

    def _of_layer(self, number: int) -> Iterator[GradedMatrix]:
        with self._model.loaded_layer(number) as layer:
            moments = len(self._tokens) - SAMPLED_SEQUENCES
            plan = StatisticsPlan(moments, self._tokens.shape[1])
            observed = self._passes.observe_layer(number, layer, plan.reduce)
            for statistics in statistics_of(observed, plan):
                yield from self._graded(statistics, layer.weights[statistics.name])

    def _of_embedding(self, tied: list[GradedMatrix]) -> Iterator[GradedMatrix]:
        names = (name for name, place in self._places.items() if place.tensor == EMBEDDING)
        name = next(names, None)
        if name is None:
            return
        gradients = self._passes.embedding_gradients()
        lookups = LookupSample(self._tokens.reshape(-1), gradients.reshape(-1, gradients.shape[-1]))
        statistics = tied[0].statistics if tied else None
        sample = CombinedSample([lookups, *(matrix.sample for matrix in tied)])
        yield GradedMatrix(Place(EMBEDDING), self._model.outside_weights[name], statistics, sample)

    def _graded(
        self, statistics: MatrixStatistics, weights: torch.Tensor
    ) -> Iterator[GradedMatrix]:
        place = self._places.get(statistics.name)
        if place is not None:
            yield GradedMatrix(place, weights.contiguous(), statistics, statistics.sample)


class _Work:
    """Reports the progress through the layers: the way down takes several times as long as up."""

    def __init__(self, model: LayeredModel, report: Callable[[int, int], None]) -> None:
        # In bytes of weights, which is how progress is counted.
        self._layer_bytes = model.stored.size_bytes() // model.layer_count
        self._total = (1 + _WAY_DOWN) * model.layer_count * self._layer_bytes
        self._done = 0
        self._report = report

    def layer_passed(self) -> None:
        """A layer was computed on the way up."""
        self._advance(1)

    def layer_observed(self) -> None:
        """A layer was observed on the way down."""
        self._advance(_WAY_DOWN)

    def _advance(self, layers: int) -> None:
        self._done += layers * self._layer_bytes
        self._report(self._done, self._total)
