"""Measure the harm of every type for every matrix of a checkpoint, with its gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from app.core.events import Event
from app.gguf_file.tensor_types import TENSOR_TYPES
from app.rounding.block_fields import BLOCK_FIELDS
from app.rounding.corrected_matrix import CorrectedMatrix, correct
from app.sensitivity.correction import weighed_inputs
from app.sensitivity.graded_matrices import GradedMatrix, graded_matrices
from app.sensitivity.harms import harms_of
from app.sensitivity.requests import Harms, Sensitivity, SensitivityRequest

_TRIED_ROWS = 128
"""Rows of a matrix on which the gain of corrected rounding is measured."""


def measure_sensitivity(
    request: SensitivityRequest, report: Callable[[Event], None]
) -> Sensitivity:
    """Run the model up and down, and quantize each matrix to each of its types meanwhile.

    Raises:
        AppError: `gradients_unavailable`, `disk_full`.
    """
    sensitivity = Sensitivity({}, {}, {})
    with graded_matrices(request.source, report) as (matrices, pool):
        for matrix in matrices:
            types = request.types.get(matrix.tensor, ())
            importance = matrix.statistics.importance() if matrix.statistics else None
            harms = harms_of(matrix.weights, importance, matrix.sample, types, pool)
            sensitivity.harms[matrix.tensor] = harms
            if importance is not None:
                sensitivity.importance[matrix.tensor] = importance.numpy().tobytes()
            if request.corrects:
                gains = _gains(matrix, types, pool)
                sensitivity.corrected_harms[matrix.tensor] = {
                    number: harm * gains.get(number, 1.0) for number, harm in harms.items()
                }
    return sensitivity


def _gains(matrix: GradedMatrix, types: Sequence[int], pool: Executor) -> Harms:
    """Return the factors by which corrected rounding lowers the harm of each type, 1 at most.

    They are measured for the smallest and the largest type on some rows; others lie between.
    """
    able = sorted((number for number in types if number in BLOCK_FIELDS), key=_bits)
    if matrix.statistics is None or not able:
        return {}
    step = max(1, len(matrix.weights) // _TRIED_ROWS)
    rows = matrix.weights[::step].contiguous()
    moments = matrix.statistics.second_moments(pool)
    held_out = weighed_inputs(matrix.statistics.sample)
    low, high = (_gain(correct(rows, moments, held_out, able[place], pool)) for place in (0, -1))
    fewest, most = _bits(able[0]), _bits(able[-1])
    span = max(most - fewest, 1e-9)
    return {number: low + (high - low) * (_bits(number) - fewest) / span for number in able}


def _gain(found: CorrectedMatrix) -> float:
    return found.loss / found.plain_loss if found.is_corrected else 1.0


def _bits(type_number: int) -> float:
    kind = TENSOR_TYPES[type_number]
    return kind.block_bytes / kind.block_size
