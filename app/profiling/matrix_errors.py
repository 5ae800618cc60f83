"""The relative squared errors of matrices in ggml's types, from samples of their weights.

t² = ‖W − Q‖² / ‖W‖², in which an importance matrix, if there is one, weights the columns.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from app.conversion.layout.layout import LaidOutTensor, Layout
from app.conversion.samples import sample
from app.conversion.type_choices import TypeChoices
from app.core.events import Event, Progressed
from app.native.kernels import BLOCK_FORMATS
from app.native.quantization import dequantize_rows, quantize_rows

_MAX_WHOLE_BYTES = 2**30
"""Limit for tensors that have to be read whole."""
_RUNS_OF_SLOW_TYPES = 1
"""ggml takes a hundred times as long for types for which we have no kernel."""
Floats = npt.NDArray[np.float32]
MatrixErrors = dict[str, dict[int, float]]
"""The relative squared errors of matrices, by name and then by ggml's type number."""


def matrix_errors(
    layout: Layout,
    types: Mapping[str, Collection[int]],
    choices: TypeChoices,
    threads: int,
    report: Callable[[Event], None],
) -> MatrixErrors:
    """Return the errors of matrices in these of ggml's types.

    Reads about 131,000 weights of each matrix, always the same ones. Tensors whose rows the layout
    can't locate are read whole, up to 1 GiB, and those beyond are left out; the layout gives the
    ones that were read up.

    Args:
        layout: The model before it is quantized.
        types: The types, by the names of the matrices.
        choices: Their importance matrix is used.
        threads: The number of threads that quantize in parallel.
        report: Receives the progress, in bytes of finished tensors.

    Raises:
        AppError: `file_unreadable`, `importance_matrix_misfit`, and errors of loading a tensor.
    """
    matrices = list(_affordable(layout, types))
    total_bytes, done_bytes = sum(matrix.size_bytes for matrix in matrices), 0
    errors: MatrixErrors = {}
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(partial(_errors_of, types=types, choices=choices), matrices)
        for matrix, by_type in zip(matrices, found, strict=True):
            errors[matrix.name] = by_type
            done_bytes += matrix.size_bytes
            report(Progressed("probe", done_bytes, total_bytes, matrix.name))
    return errors


def _affordable(layout: Layout, types: Mapping[str, object]) -> Iterator[LaidOutTensor]:
    """Yield the matrices to sample: all whose rows can be read separately, some of the others."""
    left_bytes = _MAX_WHOLE_BYTES
    # In pseudo-random order, so that those come from all over the model.
    for tensor in sorted(layout.tensors, key=lambda tensor: zlib.crc32(tensor.name.encode())):
        if tensor.name not in types or tensor.stored:
            continue
        left_bytes -= tensor.size_bytes
        if left_bytes >= 0:
            yield tensor
    yield from (tensor for tensor in layout.tensors if tensor.name in types and tensor.stored)


def _errors_of(
    tensor: LaidOutTensor, types: Mapping[str, Collection[int]], choices: TypeChoices
) -> dict[int, float]:
    importance = choices.importance_of(tensor.name, tensor.shape)
    sums = {type_number: _Sums() for type_number in types[tensor.name]}
    for number, run in enumerate(sample(tensor)):
        columns = None if importance is None else importance[run.expert]
        for type_number, total in sums.items():
            if number < _RUNS_OF_SLOW_TYPES or type_number in BLOCK_FORMATS:
                total.add(run.rows, _rounded(type_number, run.rows, columns), columns)
    return {type_number: total.relative_error for type_number, total in sums.items()}


@dataclass
class _Sums:
    """Sums of squared errors and squared weights, weighted by the importance of columns."""

    errors: float = 0.0
    weights: float = 0.0

    def add(self, rows: Floats, rounded: Floats, columns: Floats | None) -> None:
        self.errors += _sum_of_squares(rows - rounded, columns)
        self.weights += _sum_of_squares(rows, columns)

    @property
    def relative_error(self) -> float:
        return self.errors / self.weights if self.weights else 0.0


def _sum_of_squares(numbers: Floats, columns: Floats | None) -> float:
    by_column = np.square(numbers).sum(axis=0, dtype=np.float64)
    return float((by_column if columns is None else by_column * columns).sum())


def _rounded(type_number: int, rows: Floats, columns: Floats | None) -> Floats:
    return dequantize_rows(type_number, quantize_rows(type_number, rows, columns))
