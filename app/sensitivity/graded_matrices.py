"""The matrices of a checkpoint with statistics of their inputs and gradients, one after the other.

The output comes first, then the layers from the last to the first, then the embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path

import torch

from app.sensitivity.effects import CombinedSample, EffectSample, LookupSample
from app.sensitivity.layered_model import LayeredModel
from app.sensitivity.matrix_statistics import MatrixStatistics, StatisticsPlan, statistics_of
from app.sensitivity.passes import Passes

_SAMPLED_SEQUENCES = 4
_OUTPUT_SAMPLE_TOKENS = 128
"""Of each sequence: a gradient of the output is as long as the vocabulary."""
_EMBEDDING = "token_embd.weight"


@dataclass(frozen=True)
class GradedMatrix:
    """A matrix (rows x columns), the tensor it becomes, and what errors in it would do.

    `statistics` is None for an embedding that is only looked up.
    """

    tensor: str
    weights: torch.Tensor
    statistics: MatrixStatistics | None
    sample: EffectSample


@dataclass
class GradedMatrices:
    """Runs a checkpoint's model up and down over some tokens (sequences x tokens).

    The last sequences give the samples, the others the moments.

    Attributes:
        tensors: The names in the GGUF file of the matrices to yield, by their stored names.
        advanced: Called after each of `steps` steps.
    """

    checkpoint: Path
    tensors: Mapping[str, str]
    tokens: torch.Tensor
    scratch: Path
    pool: Executor
    advanced: Callable[[], None]
    _model: LayeredModel = field(init=False)

    def __post_init__(self) -> None:
        """Build the model.

        Raises:
            AppError: `gradients_unavailable`.
        """
        self._model = LayeredModel(self.checkpoint, self.tokens.shape[1])

    @property
    def steps(self) -> int:
        """How often `advanced` will be called."""
        return 2 * self._model.layer_count + 2

    def matrices(self) -> Iterator[GradedMatrix]:
        """Yield the matrices; each is valid until the next one is taken."""
        passes = Passes(self._model, self.tokens, self.scratch, self.pool)
        passes.go_up(self.advanced)
        tied = []
        for matrix in self._of_output(passes):
            # A tied embedding must wait for its lookups.
            if matrix.tensor == _EMBEDDING:
                tied.append(matrix)
            else:
                yield matrix
        self.advanced()
        for number in reversed(range(self._model.layer_count)):
            yield from self._of_layer(passes, number)
            self.advanced()
        yield from self._of_embedding(passes, tied)
        self.advanced()

    def _plan(self, sample_tokens: int) -> StatisticsPlan:
        return StatisticsPlan(len(self.tokens) - _SAMPLED_SEQUENCES, sample_tokens)

    def _of_output(self, passes: Passes) -> Iterator[GradedMatrix]:
        reduced = passes.observe_output(self._plan(_OUTPUT_SAMPLE_TOKENS).reduce)
        for statistics in statistics_of(reduced):
            weights = self._model.outside_weights[statistics.name]
            yield from self._graded(statistics, weights)

    def _of_layer(self, passes: Passes, number: int) -> Iterator[GradedMatrix]:
        with self._model.loaded_layer(number) as layer:
            plan = self._plan(self.tokens.shape[1])
            for statistics in statistics_of(passes.observe_layer(number, layer, plan.reduce)):
                yield from self._graded(statistics, layer.weights[statistics.name])

    def _of_embedding(self, passes: Passes, tied: list[GradedMatrix]) -> Iterator[GradedMatrix]:
        name = next((name for name, tensor in self.tensors.items() if tensor == _EMBEDDING), None)
        if name is None:
            return
        gradients = passes.embedding_gradients()
        lookups = LookupSample(self.tokens.reshape(-1), gradients.reshape(-1, gradients.shape[-1]))
        statistics = tied[0].statistics if tied else None
        sample = CombinedSample([lookups, *(matrix.sample for matrix in tied)])
        yield GradedMatrix(_EMBEDDING, self._model.outside_weights[name], statistics, sample)

    def _graded(
        self, statistics: MatrixStatistics, weights: torch.Tensor
    ) -> Iterator[GradedMatrix]:
        tensor = self.tensors.get(statistics.name)
        if tensor is not None:
            yield GradedMatrix(tensor, weights, statistics, statistics.sample)
