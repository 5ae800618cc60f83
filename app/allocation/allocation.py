"""Choose the types of a checkpoint's tensors for a target size, by measurement."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from app.allocation.budget import TargetSize
from app.allocation.calibrated_harm import CalibratedHarm, divergence_by_two
from app.allocation.candidate_types import candidate_types, quantized_types
from app.allocation.file_comparison import compare_with_floor
from app.allocation.importance_forms import importance_matrix
from app.allocation.measures import Measures
from app.allocation.mix import (
    Mix,
    choose_types,
    mix_of_plan,
    nearest_plan,
    require_room,
    with_types,
)
from app.allocation.study import Study
from app.allocation.tensor_groups import kind_of
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
from app.sensitivity.requests import QuantizedModel, Sensitivity


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
        shares: The types of each kind of tensor.
        recipe: The types as patterns.
        divergence: The predicted mean KL divergence, in nats.
        plain: The plain levels, for comparison.
        compared: The quality of the file, unless its rounding is yet to be corrected.
    """

    level: Level
    choices: TypeChoices
    types: dict[str, int]
    size_bytes: int
    tensors_bytes: int
    bits_per_weight: float
    shares: tuple[ChosenShare, ...]
    recipe: Recipe
    divergence: float = math.nan
    plain: tuple[PlainFile, ...] = ()
    compared: FileCompared | None = None


def allocate(
    study: Study, target: TargetSize, measures: Measures, *, corrects: bool, report: Report
) -> Allocation:
    """Measure the harm of every type for every matrix, and choose the types that do the least.

    With `corrects`, rounding will be corrected afterwards, so that the harms are what that leaves.

    Raises:
        AppError: `target_too_small`, `gradients_unavailable` if no matrix could be measured, and
            what `measures` raise.
    """
    plans = study.plans
    types = candidate_types(study.layout, plans[0], study.choices, target)
    header_bytes = plans[0].header_size_bytes
    budget_bytes = target.tensor_bytes(study.layout.parameters, header_bytes)
    nearest = nearest_plan(plans, header_bytes + budget_bytes)
    require_room(nearest, types, budget_bytes)
    sensitivity = measures.sensitivity(types)
    harms = sensitivity.corrected_harms if corrects else sensitivity.harms
    _report_unmeasured(types, harms, nearest.level, report)
    mix = choose_types(nearest, harms, budget_bytes)
    _report_slow(mix.types.values(), report)
    # Those that weren't measured keep the nearest level's types.
    typed = replace(nearest, tensors=with_types(nearest.tensors, mix.types))
    chosen = QuantizedModel(quantized_types(study.layout, typed), sensitivity.importance)
    compared, floor = compare_with_floor(study, measures, chosen, mix.size_bytes)
    uncorrected = sum(sensitivity.harms[name][number] for name, number in mix.types.items())
    calibrated = CalibratedHarm(uncorrected, floor, compared.file.divergence)
    return replace(
        _allocation(study, typed, mix, chosen),
        divergence=calibrated.divergence(mix.harm),
        plain=tuple(_plain_files(study, sensitivity, compared, calibrated)),
        compared=None if corrects else compared,
    )


def _allocation(study: Study, typed: TypePlan, mix: Mix, chosen: QuantizedModel) -> Allocation:
    """Return a mix as a file whose quality is not known yet."""
    size_bytes = study.plans[0].header_size_bytes + mix.size_bytes
    return Allocation(
        level=nearest_plan(study.plans, size_bytes).level,
        choices=replace(
            study.choices,
            importance=importance_matrix(chosen.importance),
            overrides=(*study.choices.overrides, *_overrides(chosen.types)),
        ),
        types=chosen.types,
        size_bytes=size_bytes,
        tensors_bytes=mix.size_bytes,
        bits_per_weight=8 * mix.size_bytes / study.layout.parameters,
        shares=tuple(_shares(typed.tensors)),
        recipe=recipe_of(typed.tensors),
    )


def _plain_files(
    study: Study, sensitivity: Sensitivity, compared: FileCompared, chosen: CalibratedHarm
) -> Iterator[PlainFile]:
    """Yield the plain levels, predicted by the one that was measured and by the chosen mix."""
    beside = mix_of_plan(study.plan(compared.level), sensitivity.harms)
    plain = chosen
    if beside is not None:
        plain = CalibratedHarm(beside.harm, chosen.floor, compared.plain.divergence)
    for plan in study.plans:
        mix = mix_of_plan(plan, sensitivity.harms)
        if mix is not None:
            divergence = divergence_by_two(plain, chosen, mix.harm)
            yield PlainFile(plan.level.name, plan.size_bytes, divergence)


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


def _shares(tensors: Iterable[PlacedTensor]) -> Iterator[ChosenShare]:
    sizes: dict[tuple[str, str], list[int]] = defaultdict(list)
    for tensor in tensors:
        if len(tensor.shape) > 1:
            name = type_name(tensor.type_number)
            sizes[kind_of(tensor.name), name].append(tensor.size_bytes)
    for (kind, name), found in sorted(sizes.items()):
        yield ChosenShare(kind, name, len(found), sum(found))


def _overrides(types: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    for name, number in types.items():
        yield f"^{escaped_name(name)}$", type_name(number).lower()
