"""Correct the rounding of a checkpoint's matrices, layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

from app.conversion.rounded_rows import RoundedRows
from app.core.events import Event
from app.rounding.block_fields import BLOCK_FIELDS
from app.rounding.corrected_matrix import Corrector, WeighedInputs, correct
from app.sensitivity.effects import GradientSample
from app.sensitivity.graded_matrices import GradedMatrix, graded_matrices
from app.sensitivity.importance import GatheredImportance
from app.sensitivity.matrix_statistics import MatrixStatistics
from app.sensitivity.requests import CorrectedTensors, CorrectionRequest

_FEWEST_TOKENS, _FEWEST_HELD_OUT = 128, 32


def correct_rounding(
    request: CorrectionRequest, report: Callable[[Event], None]
) -> CorrectedTensors:
    """Round each matrix by the second moments of its inputs; keep those that held-out text prefers.

    Raises:
        AppError: `gradients_unavailable`, `disk_full`.
    """
    importance = GatheredImportance(request.source.places.values())
    folders: dict[str, str] = {}
    tried = accepted = 0
    with graded_matrices(request.source, "rounding", report) as (matrices, pool):
        for matrix in matrices:
            tensor = matrix.place.tensor
            importance.add(matrix)
            if request.types.get(tensor) not in BLOCK_FIELDS or not _can_correct(matrix):
                continue
            tried += 1
            if _is_corrected(matrix, request, pool):
                accepted += 1
                folders[tensor] = str(_folder(request, tensor))
    return CorrectedTensors(folders, importance.found, tried, accepted)


def has_enough_tokens(statistics: MatrixStatistics) -> bool:
    """Return whether an expert saw enough tokens for its moments, and to judge the result."""
    enough = statistics.tokens >= _FEWEST_TOKENS
    return enough and len(statistics.sample.inputs) >= _FEWEST_HELD_OUT


def weighed_inputs(sample: GradientSample) -> WeighedInputs:
    """Return a sample's inputs, each times the length of its gradient."""
    return WeighedInputs(sample.inputs * sample.gradients.norm(dim=1, keepdim=True))


def _can_correct(matrix: GradedMatrix) -> bool:
    return matrix.statistics is not None and has_enough_tokens(matrix.statistics)


def _folder(request: CorrectionRequest, tensor: str) -> Path:
    return Path(request.folder) / tensor


def _is_corrected(matrix: GradedMatrix, request: CorrectionRequest, pool: Executor) -> bool:
    """Correct the rounding of a matrix; keep its rows and return True if they are better."""
    assert matrix.statistics is not None  # noqa: S101 - the caller looked
    tensor = matrix.place.tensor
    type_number = request.types[tensor]
    corrector = Corrector(matrix.statistics.second_moments(pool))
    held_out = weighed_inputs(matrix.statistics.sample)
    found = correct(matrix.weights, corrector, held_out, type_number, pool)
    if found.is_corrected:
        rows = RoundedRows(_folder(request, tensor), type_number)
        rows.add(matrix.weights.numpy(), found.rows)
    return found.is_corrected
