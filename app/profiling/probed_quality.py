"""Probe the quality of every level of a model from the error in its weights, before conversion.

A sample of each matrix is quantized to each planned type. `app.estimation.linearity` predicts the
KL divergence from the relative squared errors.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from statistics import fmean

from app.conversion.layout.layout import Layout
from app.conversion.type_choices import NO_CHOICES, TypeChoices
from app.conversion.type_plan import TypePlan
from app.core.events import Event
from app.estimation.linearity import MatrixDistortion, predicted_quality
from app.estimation.quality import Quality
from app.gguf_file.tensor_names import EMBEDDING, OUTPUT
from app.gguf_file.tensor_types import FLOATING_TYPES
from app.profiling.matrix_errors import MatrixErrors, matrix_errors


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
    types = _planned_types(layout, plans)
    errors = matrix_errors(layout, types, choices, threads, report)
    return {
        plan.level.name: predicted_quality(list(_of_plan(plan, types, errors)), _width(layout))
        for plan in plans
    }


def _planned_types(layout: Layout, plans: Sequence[TypePlan]) -> dict[str, set[int]]:
    """Return the types that the plans quantize each matrix to, by its name."""
    before = {tensor.name: tensor.type_number for tensor in layout.tensors if len(tensor.shape) > 1}
    types: dict[str, set[int]] = defaultdict(set)
    for tensor in (tensor for plan in plans for tensor in plan.tensors):
        if tensor.type_number != before.get(tensor.name, tensor.type_number):
            types[tensor.name].add(tensor.type_number)
    return types


def _of_plan(
    plan: TypePlan, types: Mapping[str, Collection[int]], errors: MatrixErrors
) -> Iterator[MatrixDistortion]:
    names = {tensor.name for tensor in plan.tensors}
    output = OUTPUT if OUTPUT in names else EMBEDDING
    for tensor in plan.tensors:
        kind = tensor.type_number
        if kind in types.get(tensor.name, ()) and kind not in FLOATING_TYPES:
            error = errors.get(tensor.name, {}).get(kind)
            if error is None:
                error = fmean(found[kind] for found in errors.values() if kind in found)
            yield MatrixDistortion(tensor.name, error, is_output=tensor.name == output)


def _width(layout: Layout) -> int:
    """Return the length of the embedding vectors."""
    return next(tensor.shape[-1] for tensor in layout.tensors if tensor.name == EMBEDDING)
