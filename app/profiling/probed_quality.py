"""Probe the quality of every level of a model from the error in its weights, before conversion.

A sample of each matrix is quantized to each planned type. `app.estimation.linearity` predicts the
KL divergence from the relative squared error t² = ‖W − Q‖² / ‖W‖², in which an importance matrix,
if there is one, weights the columns.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from statistics import fmean

import numpy as np
import numpy.typing as npt

from app.conversion.layout.layout import LaidOutTensor, Layout
from app.conversion.samples import sample
from app.conversion.type_choices import NO_CHOICES, TypeChoices
from app.conversion.type_plan import TypePlan
from app.core.events import Event, Progressed
from app.estimation.linearity import MatrixDistortion, predicted_quality
from app.estimation.quality import Quality
from app.gguf_file.header_writer import PlacedTensor
from app.gguf_file.tensor_types import FLOATING_TYPES
from app.native.kernels import BLOCK_FORMATS
from app.native.quantization import dequantize_rows, quantize_rows

_MAX_WHOLE_BYTES = 2**30
"""Limit for tensors that have to be read whole; others stand in for those beyond."""
_RUNS_OF_SLOW_TYPES = 1
"""ggml takes a hundred times as long for types for which we have no kernel."""
_EMBEDDING, _OUTPUT = "token_embd.weight", "output.weight"
Floats = npt.NDArray[np.float32]
Errors = dict[str, dict[int, float]]
"""The relative squared errors of matrices, by name and then by ggml type number."""


def probe_quality(
    layout: Layout,
    plans: Sequence[TypePlan],
    report: Callable[[Event], None],
    *,
    choices: TypeChoices = NO_CHOICES,
    threads: int = 1,
) -> dict[str, Quality]:
    """Return the probed quality of each plan, by the name of its level.

    Reads about 131,000 weights of each matrix, always the same ones. Tensors whose rows the layout
    can't locate are read whole, up to 1 GiB; the layout gives them up.

    Args:
        layout: The model before it is quantized.
        plans: The plans of its levels, from `app.conversion.type_plan.plan_types`.
        report: Receives the progress, in bytes of finished tensors.
        choices: The choices behind the plans; their importance matrix is used.
        threads: The number of threads that quantize in parallel.

    Raises:
        AppError: `file_unreadable`, `importance_matrix_misfit`, and errors of loading a tensor.
    """
    wanted = _wanted_types(layout, plans)
    matrices = list(_affordable(layout, wanted))
    total_bytes, done_bytes = sum(matrix.size_bytes for matrix in matrices), 0
    errors: Errors = {}
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(partial(_errors_of, wanted=wanted, choices=choices), matrices)
        for matrix, by_type in zip(matrices, found, strict=True):
            errors[matrix.name] = by_type
            done_bytes += matrix.size_bytes
            report(Progressed("probe", done_bytes, total_bytes, matrix.name))
    return {
        plan.level.name: predicted_quality(list(_of_plan(plan, wanted, errors)), _width(layout))
        for plan in plans
    }


def _wanted_types(layout: Layout, plans: Sequence[TypePlan]) -> dict[str, dict[int, PlacedTensor]]:
    """Return the types that the plans quantize each matrix to, by its name."""
    laid_out = {tensor.name: tensor for tensor in layout.tensors if len(tensor.shape) > 1}
    wanted: dict[str, dict[int, PlacedTensor]] = defaultdict(dict)
    for placed in (tensor for plan in plans for tensor in plan.tensors):
        tensor = laid_out.get(placed.name)
        if tensor is not None and placed.type_number != tensor.type_number:
            wanted[placed.name][placed.type_number] = placed
    return wanted


def _affordable(layout: Layout, wanted: Mapping[str, object]) -> Iterator[LaidOutTensor]:
    """Yield the matrices to sample: all whose rows can be read separately, some of the others."""
    left_bytes = _MAX_WHOLE_BYTES
    # In pseudo-random order, so that those come from all over the model.
    for tensor in sorted(layout.tensors, key=lambda tensor: zlib.crc32(tensor.name.encode())):
        if tensor.name not in wanted or tensor.stored:
            continue
        left_bytes -= tensor.size_bytes
        if left_bytes >= 0:
            yield tensor
    yield from (tensor for tensor in layout.tensors if tensor.name in wanted and tensor.stored)


def _errors_of(
    tensor: LaidOutTensor, wanted: Mapping[str, Mapping[int, PlacedTensor]], choices: TypeChoices
) -> dict[int, float]:
    types = wanted[tensor.name]
    importance = choices.importance_of(next(iter(types.values())))
    sums = {type_number: _Sums() for type_number in types}
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


def _of_plan(
    plan: TypePlan, wanted: Mapping[str, Mapping[int, object]], errors: Errors
) -> Iterator[MatrixDistortion]:
    names = {tensor.name for tensor in plan.tensors}
    output = _OUTPUT if _OUTPUT in names else _EMBEDDING
    for tensor in plan.tensors:
        kind = tensor.type_number
        if kind in wanted.get(tensor.name, ()) and kind not in FLOATING_TYPES:
            error = errors.get(tensor.name, {}).get(kind)
            if error is None:
                error = fmean(found[kind] for found in errors.values() if kind in found)
            yield MatrixDistortion(tensor.name, error, is_output=tensor.name == output)


def _width(layout: Layout) -> int:
    """Return the length of the embedding vectors."""
    return next(tensor.shape[-1] for tensor in layout.tensors if tensor.name == _EMBEDDING)
