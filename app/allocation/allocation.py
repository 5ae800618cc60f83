"""Choose the types of a checkpoint's tensors for a target size, by measurement."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.allocation.budget import TargetSize
from app.allocation.calibrated_harm import CalibratedHarm
from app.allocation.candidate_types import candidate_types, quantized_types
from app.allocation.file_comparison import compare_with_floor
from app.allocation.kept_answers import answer_to
from app.allocation.mix import (
    Mix,
    choose_types,
    mix_of_plan,
    nearest_plan,
    require_room,
    size_in_type,
)
from app.allocation.study import Study
from app.conversion.pipeline import Report
from app.conversion.type_choices import TypeChoices
from app.conversion.type_plan import TypePlan
from app.core.allocation_events import ChosenShare, FileCompared, PlainFile
from app.core.errors import AppError, ErrorCode, ErrorDetails, NoticeCode
from app.core.events import NoticeReported
from app.core.language import tr
from app.core.levels import Level
from app.gguf_file.header_writer import PlacedTensor
from app.gguf_file.tensor_types import TENSOR_TYPES, type_name
from app.gguf_file.type_patterns import escaped_name
from app.gguf_file.type_recipe import Recipe, recipe_of
from app.measurement.text_chunks import DEFAULT_CHUNK_TOKENS
from app.native.importance_matrix import Activations, ImportanceMatrix
from app.sensitivity.requests import Importance, QuantizedModel, Sensitivity, SensitivityRequest


@dataclass(frozen=True)
class Allocation:
    """Types chosen for a target size.

    Attributes:
        level: The plain level that is nearest in size; its number is stored in the file.
        choices: The types and the importance of columns, for the conversion.
        types: ggml's numbers by the names of all tensors that are quantized.
        size_bytes: The size of the file.
        tensors_bytes: The size of all its tensors.
        bits_per_weight: The average over all tensors.
        divergence: The predicted mean KL divergence, in nats.
        shares: The types of each kind of tensor.
        recipe: The types as patterns.
        plain: The plain levels, for comparison.
        compared: The quality of the file, unless its rounding is yet to be corrected.
    """

    level: Level
    choices: TypeChoices
    types: dict[str, int]
    size_bytes: int
    tensors_bytes: int
    bits_per_weight: float
    divergence: float
    shares: tuple[ChosenShare, ...]
    recipe: Recipe
    plain: tuple[PlainFile, ...]
    compared: FileCompared | None = None


def allocate(study: Study, target: TargetSize, *, corrects: bool, report: Report) -> Allocation:
    """Measure the harm of every type for every matrix, and choose the types that do the least.

    With `corrects`, rounding will be corrected afterwards, so that the harms are what that leaves.

    Raises:
        AppError: `gradients_unavailable`, `target_too_small`.
    """
    plans = study.plans
    types = candidate_types(study.layout, plans[0], study.choices, target)
    header_bytes = plans[0].header_size_bytes
    budget_bytes = target.tensor_bytes(study.layout.parameters, header_bytes)
    nearest = nearest_plan(plans, header_bytes + budget_bytes)
    require_room(nearest, types, budget_bytes)
    request = SensitivityRequest(study.measured, types, corrects)
    sensitivity = answer_to(request, Sensitivity, report)
    harms = sensitivity.corrected_harms if corrects else sensitivity.harms
    _report_unmeasured(types, harms, nearest.level, report)
    mix = choose_types(nearest, harms, budget_bytes)
    _report_slow(mix.types.values(), report)
    typed = replace(nearest, tensors=_typed(nearest, mix))
    chosen = QuantizedModel(quantized_types(study.layout, typed), sensitivity.importance)
    compared, floor = compare_with_floor(study, chosen, mix.size_bytes, report)
    uncorrected = sum(sensitivity.harms[name][number] for name, number in mix.types.items())
    calibrated = CalibratedHarm(uncorrected, floor, compared.file.divergence)
    allocation = _allocation(study, sensitivity, typed, mix, calibrated)
    return replace(allocation, compared=None if corrects else compared)


def _report_unmeasured(
    types: Mapping[str, object], harms: Mapping[str, object], level: Level, report: Report
) -> None:
    count = sum(not harms.get(name) for name in types)
    if count == len(types):
        raise AppError(
            ErrorCode.GRADIENTS_UNAVAILABLE, reason=tr("none of its matrices could be measured")
        )
    if count:
        details: ErrorDetails = {"count": count, "total": len(types), "level": level.name}
        report(NoticeReported(NoticeCode.MATRICES_NOT_MEASURED, details))


def _report_slow(types: Collection[int], report: Report) -> None:
    slow = [type_name(number) for number in types if not TENSOR_TYPES[number].has_kernel]
    if slow:
        details: ErrorDetails = {"count": len(slow), "total": len(types), "type": max(slow)}
        report(NoticeReported(NoticeCode.SLOW_TYPES_CHOSEN, details))


def _allocation(
    study: Study,
    sensitivity: Sensitivity,
    typed: TypePlan,
    mix: Mix,
    calibrated: CalibratedHarm,
) -> Allocation:
    plans, layout = study.plans, study.layout
    types = quantized_types(layout, typed)
    size_bytes = plans[0].header_size_bytes + mix.size_bytes
    plain = [(plan, mix_of_plan(plan, sensitivity.harms)) for plan in plans]
    return Allocation(
        level=nearest_plan(plans, size_bytes).level,
        choices=replace(
            study.choices,
            importance=importance_matrix(sensitivity.importance),
            overrides=(*study.choices.overrides, *_overrides(types)),
        ),
        types=types,
        size_bytes=size_bytes,
        tensors_bytes=mix.size_bytes,
        bits_per_weight=8 * mix.size_bytes / layout.parameters,
        divergence=calibrated.divergence(mix.harm),
        shares=tuple(_shares(typed.tensors)),
        recipe=recipe_of(typed.tensors),
        plain=tuple(
            PlainFile(plan.level.name, plan.size_bytes, calibrated.divergence(of_plan.harm))
            for plan, of_plan in plain
            if of_plan is not None
        ),
    )


def _typed(nearest: TypePlan, mix: Mix) -> tuple[PlacedTensor, ...]:
    """Return all tensors with their types; those that weren't measured keep the nearest level's."""
    types = {tensor.name: tensor.type_number for tensor in nearest.tensors} | mix.types
    return tuple(
        replace(
            tensor,
            type_number=types[tensor.name],
            size_bytes=size_in_type(types[tensor.name], math.prod(tensor.shape)),
        )
        for tensor in nearest.tensors
    )


def _shares(tensors: Iterable[PlacedTensor]) -> Iterator[ChosenShare]:
    sizes: dict[tuple[str, str], list[int]] = defaultdict(list)
    for tensor in tensors:
        if len(tensor.shape) > 1:
            name = type_name(tensor.type_number)
            sizes[_kind_of(tensor.name), name].append(tensor.size_bytes)
    for (kind, name), found in sorted(sizes.items()):
        yield ChosenShare(kind, name, len(found), sum(found))


def _kind_of(name: str) -> str:
    """Return a tensor's name without the number of its layer, such as `ffn_down`."""
    return re.sub(r"^blk\.\d+\.", "", name).removesuffix(".weight")


def _overrides(types: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    for name, number in types.items():
        yield f"^{escaped_name(name)}$", type_name(number).lower()


def importance_matrix(importance: Importance) -> ImportanceMatrix:
    """Return the importance in the form of an importance matrix, of one token."""
    entries = {name: _activations(experts) for name, experts in importance.items() if any(experts)}
    return ImportanceMatrix(entries, chunk_count=1, chunk_size=DEFAULT_CHUNK_TOKENS)


def _activations(experts: Sequence[bytes]) -> Activations:
    unseen = bytes(max(map(len, experts)))
    sums = np.stack([np.frombuffer(content or unseen, np.float32) for content in experts])
    return Activations(sums, np.array([bool(content) for content in experts], np.int64))
