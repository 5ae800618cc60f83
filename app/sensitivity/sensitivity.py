"""Measure the harm of every type for every matrix of a checkpoint, with its gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor

import msgspec
import torch

from app.core.events import Event
from app.gguf_file.tensor_types import TENSOR_TYPES
from app.native.quantization import dequantize_rows
from app.rounding.block_fields import BLOCK_FIELDS, Bytes
from app.rounding.corrected_matrix import Corrector, correct
from app.sensitivity.correction import has_enough_tokens, weighed_inputs
from app.sensitivity.graded_matrices import GradedMatrix, graded_matrices
from app.sensitivity.importance import GatheredImportance
from app.sensitivity.matrix_statistics import MatrixStatistics
from app.sensitivity.requests import Harms, Sensitivity, SensitivityRequest
from app.sensitivity.sampled_harms import sampled_harms

_TRIED_ROWS = 128
"""Rows of a matrix on which the gain of corrected rounding is measured."""


def measure_sensitivity(
    request: SensitivityRequest, report: Callable[[Event], None]
) -> Sensitivity:
    """Run the model up and down, and quantize each matrix to each of its types meanwhile.

    Raises:
        AppError: `gradients_unavailable`, `disk_full`.
    """
    found = Sensitivity({}, {}, {})
    importance = GatheredImportance(request.source.places.values())
    gains: dict[str, Harms] = {}
    with graded_matrices(request.source, "sensitivity", report) as (matrices, pool):
        for matrix in matrices:
            tensor = matrix.place.tensor
            types = request.types.get(tensor, ())
            columns = importance.add(matrix)
            harms = sampled_harms(matrix, columns, types, pool)
            _add(found.harms.setdefault(tensor, {}), harms)
            if request.corrects:
                # Experts of one tensor are alike, and there may be hundreds.
                if not gains.get(tensor):
                    gains[tensor] = _gains(matrix, types, pool)
                corrected = {n: harm * gains[tensor].get(n, 1.0) for n, harm in harms.items()}
                _add(found.corrected_harms.setdefault(tensor, {}), corrected)
    for tensor, experts in importance.found.items():
        if not all(experts):
            _leave_out_coarse(found.harms.get(tensor, {}))
            _leave_out_coarse(found.corrected_harms.get(tensor, {}))
    return msgspec.structs.replace(found, importance=importance.found)


def _leave_out_coarse(harms: Harms) -> None:
    """Leave out the types that need importance, for a tensor with an expert that saw no tokens."""
    for number in [number for number in harms if TENSOR_TYPES[number].needs_importance]:
        del harms[number]


def _add(sums: Harms, harms: Harms) -> None:
    for number, harm in harms.items():
        sums[number] = sums.get(number, 0.0) + harm


def _gains(matrix: GradedMatrix, types: Sequence[int], pool: Executor) -> Harms:
    """Return the factors by which corrected rounding lowers the harm of each type, 1 at most.

    They are measured for the smallest and the largest type on some rows; others lie between.
    """
    able = sorted((number for number in types if number in BLOCK_FIELDS), key=_bits)
    if matrix.statistics is None or not able or not has_enough_tokens(matrix.statistics):
        return {}
    trial = _Trial(matrix.weights, matrix.statistics, pool)
    low, high = (trial.gain(able[place], pool) for place in (0, -1))
    fewest, most = _bits(able[0]), _bits(able[-1])
    span = max(most - fewest, 1e-9)
    return {number: low + (high - low) * (_bits(number) - fewest) / span for number in able}


class _Trial:
    """Some rows of a matrix on which corrected rounding is tried."""

    def __init__(self, weights: torch.Tensor, statistics: MatrixStatistics, pool: Executor) -> None:
        rows = statistics.sample.weightiest_rows(weights, _TRIED_ROWS)
        self._rows = weights[rows]
        self._corrector = Corrector(statistics.second_moments(pool))
        self._held_out = weighed_inputs(statistics.sample)
        self._sample = statistics.sample.of_rows(rows)

    def gain(self, type_number: int, pool: Executor) -> float:
        """Return the harm with corrected rounding as a share of that with ggml's."""
        found = correct(self._rows, self._corrector, self._held_out, type_number, pool)
        if not found.is_corrected:
            return 1.0
        corrected, plain = (
            self._harm(rows, type_number) for rows in (found.rows, found.plain_rows)
        )
        return min(1.0, corrected / plain) if plain else 1.0

    def _harm(self, rows: Bytes, type_number: int) -> float:
        effects = self._sample.new_sum()
        error = self._rows - torch.from_numpy(dequantize_rows(type_number, rows))
        effects.add(error, slice(0, len(error)))
        return effects.divergence()


def _bits(type_number: int) -> float:
    kind = TENSOR_TYPES[type_number]
    return kind.block_bytes / kind.block_size
