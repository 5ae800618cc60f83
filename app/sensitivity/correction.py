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
from app.sensitivity.requests import CorrectedTensor, CorrectedTensors, CorrectionRequest


def correct_rounding(
    request: CorrectionRequest, report: Callable[[Event], None]
) -> CorrectedTensors:
    """Round each matrix by the second moments of its inputs; keep those that held-out text prefers.

    Raises:
        AppError: `gradients_unavailable`, `disk_full`.
    """
    correction = CorrectedTensors({}, {})
    with graded_matrices(request.source, "rounding", report) as (matrices, pool):
        for matrix in matrices:
            if matrix.statistics is None or matrix.tensor not in request.types:
                continue
            importance = matrix.statistics.importance().numpy()
            correction.importance[matrix.tensor] = importance.tobytes()
            if request.types[matrix.tensor] in BLOCK_FIELDS:
                correction.tensors[matrix.tensor] = _corrected(matrix, request, pool)
    return correction


def weighed_inputs(sample: GradientSample) -> WeighedInputs:
    """Return a sample's inputs, each times the length of its gradient."""
    return WeighedInputs(sample.inputs * sample.gradients.norm(dim=1, keepdim=True))


def _corrected(matrix: GradedMatrix, request: CorrectionRequest, pool: Executor) -> CorrectedTensor:
    assert matrix.statistics is not None  # noqa: S101 - the caller looked
    type_number = request.types[matrix.tensor]
    corrector = Corrector(matrix.statistics.second_moments(pool))
    held_out = weighed_inputs(matrix.statistics.sample)
    found = correct(matrix.weights, corrector, held_out, type_number, pool)
    folder = ""
    if found.is_corrected:
        place = Path(request.folder) / matrix.tensor
        RoundedRows.save(place, type_number, matrix.weights.numpy(), found.rows)
        folder = str(place)
    return CorrectedTensor(type_number, folder, found.loss, found.plain_loss)
