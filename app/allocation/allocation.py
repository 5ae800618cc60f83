"""Measure a checkpoint and choose the types of its tensors for a target size."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from app.allocation.budget import TargetSize
from app.allocation.candidates import candidate_types, stored_matrices
from app.allocation.gradient_child import ask
from app.allocation.kept_sensitivities import keep_sensitivity, kept_sensitivity
from app.allocation.mix import (
    Mix,
    choose_types,
    mix_of_plan,
    nearest_plan,
    size_in_type,
)
from app.allocation.tokens import token_sequences
from app.conversion.pipeline import ConversionRequest, plan_conversion
from app.conversion.sources import CheckpointSource
from app.conversion.type_choices import TypeChoices
from app.conversion.type_plan import TypePlan, hollow_file
from app.core.allocation_events import PlainFile, TypeShare
from app.core.errors import AppError, ErrorCode
from app.core.events import Event
from app.core.levels import LEVELS, Level
from app.gguf_file.tensor_types import type_name
from app.measurement.text_chunks import DEFAULT_CHUNK_TOKENS
from app.native.importance_matrix import Activations, ImportanceMatrix
from app.sensitivity.requests import (
    CheckpointTokens,
    DivergenceRequest,
    MeasuredDivergence,
    Sensitivity,
    SensitivityRequest,
)

_MOMENTS, _SAMPLES, _CHECKED = 8, 4, 4
"""Sequences for second moments, for samples of gradients, and for the check of the sum."""
_FEWEST = 2 + _SAMPLES + _CHECKED
_QUANTIZED_LEVELS = tuple(level for level in LEVELS if level.name not in {"F16", "BF16", "F32"})
Report = Callable[[Event], None]


@dataclass(frozen=True)
class Allocation:
    """Types chosen for a target size.

    Attributes:
        level: The plain level that is nearest in size; its number is stored in the file.
        choices: The types and the importance of columns, for the conversion.
        size_bytes: The size of the file.
        bits_per_weight: The average over all tensors.
        divergence: The predicted mean KL divergence, in nats.
        shares: The types of each kind of tensor.
        plain: The plain levels, for comparison.
    """

    level: Level
    choices: TypeChoices
    size_bytes: int
    bits_per_weight: float
    divergence: float
    shares: tuple[TypeShare, ...]
    plain: tuple[PlainFile, ...]


def allocate(
    request: ConversionRequest, target: TargetSize, text: str, converter: Path, report: Report
) -> Allocation:
    """Measure the harm of every type for every matrix on a text, and choose.

    Raises:
        AppError: `allocation_not_offered`, `gradients_unavailable`, `target_too_small`,
            `text_short`, and what `plan_conversion` raises.
    """
    if not isinstance(request.source, CheckpointSource):
        raise AppError(ErrorCode.ALLOCATION_NOT_OFFERED)
    levels = replace(request, levels=_QUANTIZED_LEVELS, is_dry_run=True, reports_tensors=False)
    (planned,) = plan_conversion(levels, converter, report)
    layout, plans = planned.layout, list(planned.plans.values())
    with hollow_file(layout, request.choices) as hollow:
        sequences = token_sequences(hollow, text, _MOMENTS + _SAMPLES + _CHECKED)
    if len(sequences) < _FEWEST:
        tokens = DEFAULT_CHUNK_TOKENS
        raise AppError(
            ErrorCode.TEXT_SHORT, tokens=len(sequences) * tokens, needed=_FEWEST * tokens
        )
    folder = str(request.source.folder)
    matrices, threads = stored_matrices(layout), request.threads
    measured = CheckpointTokens(folder, matrices, sequences[:-_CHECKED], threads)
    checked = CheckpointTokens(folder, matrices, sequences[-_CHECKED:], threads)
    types = candidate_types(layout, plans[0], request.choices)
    sensitivity = _measured(SensitivityRequest(measured, types), report)
    mix = _mix(plans, sensitivity, target, layout.parameters)
    request_for_mix = DivergenceRequest(checked, mix.types, sensitivity.importance)
    found = ask(request_for_mix, MeasuredDivergence, report)
    return _allocation(plans, sensitivity, mix, found.mean / mix.harm, request.choices)


def _measured(request: SensitivityRequest, report: Report) -> Sensitivity:
    kept = kept_sensitivity(request)
    if kept is None:
        kept = ask(request, Sensitivity, report)
        keep_sensitivity(request, kept)
    return kept


def _mix(
    plans: Sequence[TypePlan], sensitivity: Sensitivity, target: TargetSize, parameters: int
) -> Mix:
    budget_bytes = target.tensor_bytes(parameters, plans[0].header_size_bytes)
    plan = nearest_plan(plans, plans[0].header_size_bytes + budget_bytes)
    return choose_types(plan, sensitivity.harms, budget_bytes)


def _allocation(
    plans: Sequence[TypePlan],
    sensitivity: Sensitivity,
    mix: Mix,
    correction: float,
    choices: TypeChoices,
) -> Allocation:
    """Return the choice; predictions are multiplied by `correction`.

    The sum of harms leaves out all terms of higher order. One measurement of the mix corrects it.
    """
    size_bytes = plans[0].header_size_bytes + mix.size_bytes
    weights = sum(math.prod(tensor.shape) for tensor in plans[0].tensors)
    return Allocation(
        level=nearest_plan(plans, size_bytes).level,
        choices=replace(
            choices,
            importance=_importance(sensitivity),
            overrides=(*choices.overrides, *_overrides(mix)),
        ),
        size_bytes=size_bytes,
        bits_per_weight=8 * mix.size_bytes / weights,
        divergence=mix.harm * correction,
        shares=tuple(_shares(plans[0], mix)),
        plain=tuple(
            PlainFile(plan.level.name, plan.size_bytes, plain.harm * correction)
            for plan in plans
            if (plain := mix_of_plan(plan, sensitivity.harms)) is not None
        ),
    )


def _shares(plan: TypePlan, mix: Mix) -> Iterator[TypeShare]:
    sizes: dict[tuple[str, str], list[int]] = defaultdict(list)
    for tensor in plan.tensors:
        if len(tensor.shape) > 1:
            number = mix.types.get(tensor.name, tensor.type_number)
            size_bytes = size_in_type(number, math.prod(tensor.shape))
            sizes[_kind_of(tensor.name), type_name(number)].append(size_bytes)
    for (kind, name), found in sorted(sizes.items()):
        yield TypeShare(kind, name, len(found), sum(found))


def _kind_of(name: str) -> str:
    """Return a tensor's name without the number of its layer, such as `ffn_down`."""
    return re.sub(r"^blk\.\d+\.", "", name).removesuffix(".weight")


def _overrides(mix: Mix) -> Iterator[tuple[str, str]]:
    for name, number in mix.types.items():
        yield f"^{re.escape(name)}$", type_name(number).lower()


def _importance(sensitivity: Sensitivity) -> ImportanceMatrix:
    """Return the importance in the form of an importance matrix, of one token."""
    entries = {
        name: Activations(np.frombuffer(content, np.float32)[None], np.ones(1, np.int64))
        for name, content in sensitivity.importance.items()
    }
    return ImportanceMatrix(entries, chunk_count=1, chunk_size=DEFAULT_CHUNK_TOKENS)
