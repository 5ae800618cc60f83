"""`convert --target-size` and `--correct`: files that are made by measuring the model."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.text_choice import BUILTIN, read_choice
from app.cli.values import bits_per_weight, file_size, positive
from app.core.allocation_events import (
    FileCompared,
    MeasuringPlanned,
    TypesChosen,
)
from app.core.errors import AppError, ErrorCode, ErrorDetails, NoticeCode
from app.core.events import NoticeReported
from app.core.files import temporary_folder
from app.core.language import tr
from app.core.load_options import LoadOptions
from app.estimation.quick_fit import largest_file_bytes
from app.jobs.reporter import Reporter

if TYPE_CHECKING:
    from app.allocation.allocation import Allocation
    from app.allocation.budget import TargetSize
    from app.allocation.study import Study
    from app.conversion.conversion_request import ConversionRequest

_MOMENTS, _MOMENTS_TO_CORRECT = 8, 24
"""Sequences of 512 tokens for second moments."""
_CONTEXT = 8192


def add_target_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments for files that are made by measuring the model."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--target-size",
        type=file_size,
        metavar="SIZE",
        help=tr(
            "instead of a level: make the best file of at most this size, such as 4.2GB; the type "
            "of every tensor is chosen by measuring how much its errors matter"
        ),
    )
    group.add_argument(
        "--target-bits",
        type=bits_per_weight,
        metavar="BITS",
        help=tr("the same for an average number of bits per weight, such as 4.25"),
    )
    group.add_argument(
        "--fits",
        action="store_true",
        help=tr("the same for the largest file that fits into the memory of this machine"),
    )
    parser.add_argument(
        "--context",
        type=positive,
        default=_CONTEXT,
        metavar="TOKENS",
        help=tr(
            "tokens of context that must fit with --fits; default: {default}", default=_CONTEXT
        ),
    )
    parser.add_argument(
        "--correct",
        action="store_true",
        help=tr(
            "correct the rounding of the weights by what the model does with them; takes minutes "
            "to hours, and the file keeps its size"
        ),
    )
    parser.add_argument(
        "--tune",
        action="store_true",
        help=tr(
            "after --correct, also tune the scales of blocks and the norms until the predictions "
            "are nearer to the original's; the whole model must fit into memory in 32 bits, twice"
        ),
    )


def has_target(arguments: argparse.Namespace) -> bool:
    """Return whether a size was stated instead of a level."""
    return bool(arguments.target_size or arguments.target_bits or arguments.fits)


def measures_model(arguments: argparse.Namespace) -> bool:
    """Return whether the model is to be measured before it is converted."""
    return has_target(arguments) or arguments.correct


def require_consistent(arguments: argparse.Namespace) -> None:
    """Refuse flags that would have no effect beside those for measured files.

    Raises:
        AppError: `flags_conflict`, `flag_needs_other`.
    """
    if has_target(arguments) and arguments.level:
        raise AppError(ErrorCode.FLAGS_CONFLICT, one="--level", other=tr("a size"))
    if has_target(arguments) and arguments.types_from:
        raise AppError(ErrorCode.FLAGS_CONFLICT, one="--types-from", other=tr("a size"))
    if arguments.tune and not arguments.correct:
        raise AppError(ErrorCode.FLAG_NEEDS_OTHER, one="--tune", other="--correct")
    if measures_model(arguments) and arguments.imatrix:
        other = tr("a size") if has_target(arguments) else "--correct"
        raise AppError(ErrorCode.FLAGS_CONFLICT, one="--imatrix", other=other)


@dataclass(frozen=True)
class PreparedConversion:
    """A request, and the quality of its only file if that was measured beforehand."""

    request: ConversionRequest
    compared: FileCompared | None = None


@contextmanager
def measured_request(
    request: ConversionRequest,
    arguments: argparse.Namespace,
    converter: Path,
    reporter: Reporter,
) -> Iterator[PreparedConversion]:
    """Choose types for the stated size, correct the rounding if asked to, and report both.

    The request is valid inside the block.

    Raises:
        AppError: what `study`, `allocate` and `corrected` raise; `one_level_to_correct`.
    """
    from app.allocation.candidate_types import quantized_types
    from app.allocation.corrected_rounding import corrected
    from app.allocation.study import study
    from app.allocation.text_shortage import shortage_of_moments
    from app.allocation.tuning_memory import tuning_threads
    from app.conversion.measured_metadata import MeasuredMetadata
    from app.conversion.own_types import name_with_bits
    from app.conversion.pipeline import require_choices

    if not has_target(arguments) and len(request.levels) != 1:
        raise AppError(ErrorCode.ONE_LEVEL_TO_CORRECT)
    require_choices(request, reporter.report)
    text = read_choice(arguments.calibration or BUILTIN, reporter)
    text_for = partial(text.rendered_for, part="calibration", reporter=reporter)
    moments = _MOMENTS_TO_CORRECT if arguments.correct else _MOMENTS
    marks = MeasuredMetadata(has_target(arguments), arguments.correct, arguments.tune)
    request = replace(request, choices=replace(request.choices, measured=marks))
    compared = None
    made = study(request, text_for, moments, converter, reporter.report)
    shortage = shortage_of_moments(made, moments, corrects=arguments.correct)
    if shortage is not None:
        reporter.report(shortage)
    if arguments.tune:
        # Refused before an hour of work.
        tuning_threads(made)
    target = _target(made, arguments) if has_target(arguments) else None
    if not request.is_dry_run:
        _require_disk_space(made, target, arguments, request)
    _report_time(made, target, arguments, request, reporter)
    if target is not None:
        found = _allocated(made, target, request, arguments, converter, reporter)
        usual = request.source.file_name(found.level)
        name = name_with_bits(usual, found.level, found.bits_per_weight)
        file = request.file or request.folder / name
        request = replace(request, levels=(found.level,), file=file, choices=found.choices)
        _report(found, request, reporter)
        types, tensors_bytes, compared = found.types, found.tensors_bytes, found.compared
    else:
        plan = made.plan(request.levels[0].name)
        types, tensors_bytes = quantized_types(made.layout, plan), plan.tensors_bytes
    if not arguments.correct or request.is_dry_run:
        yield PreparedConversion(request, compared)
        return
    with temporary_folder() as folder:
        done = corrected(
            made,
            types,
            request.choices,
            tensors_bytes,
            folder,
            reporter.report,
            tunes=arguments.tune,
        )
        _report_quality(done.compared, reporter)
        yield PreparedConversion(replace(request, choices=done.choices), done.compared)


def _allocated(
    made: Study,
    target: TargetSize,
    request: ConversionRequest,
    arguments: argparse.Namespace,
    converter: Path,
    reporter: Reporter,
) -> Allocation:
    """Choose the types by gradients; where there are none, and none are needed, by the engine."""
    from app.allocation.allocation import allocate
    from app.allocation.engine_measures import engine_measures
    from app.allocation.measures import GradientMeasures

    report, corrects = reporter.report, arguments.correct
    try:
        gradients = GradientMeasures(made, report, corrects=corrects)
        return allocate(made, target, gradients, corrects=corrects, report=report)
    except AppError as error:
        if error.code != ErrorCode.GRADIENTS_UNAVAILABLE or corrects:
            raise
        report(NoticeReported(NoticeCode.MEASURED_WITHOUT_GRADIENTS, error.details))
    with engine_measures(made, request, converter, report) as measures:
        return allocate(made, target, measures, corrects=False, report=report)


def _require_disk_space(
    made: Study,
    target: TargetSize | None,
    arguments: argparse.Namespace,
    request: ConversionRequest,
) -> None:
    """Refuse before an hour of work what would fail after it."""
    from app.allocation.disk_space import require_disk_space

    folder = request.file.parent if request.file else request.folder
    if target is None:
        tensors_bytes = made.plan(request.levels[0].name).tensors_bytes
    else:
        budget_bytes = target.tensor_bytes(made.layout.parameters, made.plans[0].header_size_bytes)
        tensors_bytes = min(budget_bytes, made.plans[-1].tensors_bytes)
    require_disk_space(
        made, folder, tensors_bytes, corrects=arguments.correct, tunes=arguments.tune
    )


def _report_time(
    made: Study,
    target: TargetSize | None,
    arguments: argparse.Namespace,
    request: ConversionRequest,
    reporter: Reporter,
) -> None:
    from app.allocation.measuring_time import measuring_seconds

    seconds = measuring_seconds(
        made,
        target,
        weighs_correction=arguments.correct,
        corrects=arguments.correct and not request.is_dry_run,
        tunes=arguments.tune and not request.is_dry_run,
        report=reporter.report,
    )
    if seconds is not None:
        reporter.report(MeasuringPlanned(seconds))


def _target(made: Study, arguments: argparse.Namespace) -> TargetSize:
    from app.allocation.budget import TargetSize
    from app.allocation.candidate_types import candidate_types
    from app.allocation.mix import smallest_file_bytes
    from app.profiling.this_machine import read_hardware

    if not arguments.fits:
        return TargetSize(arguments.target_size, arguments.target_bits)
    smallest = TargetSize(file_bytes=0)
    types = candidate_types(made.layout, made.plans[0], made.choices, smallest)
    smallest_bytes = smallest_file_bytes(made.plans[0], types)
    options = LoadOptions(context=arguments.context)
    room = largest_file_bytes(smallest_bytes, made.metadata, options, read_hardware())
    return TargetSize(file_bytes=room)


def _report_quality(compared: FileCompared, reporter: Reporter) -> None:
    reporter.report(compared)
    if not compared.is_better:
        details: ErrorDetails = {"level": compared.level, "size_bytes": compared.plain.size_bytes}
        reporter.report(NoticeReported(NoticeCode.NOT_BETTER_THAN_LEVEL, details))


def _report(found: Allocation, request: ConversionRequest, reporter: Reporter) -> None:
    reporter.report(
        TypesChosen(
            target=str(request.known_targets[0]),
            level=found.level.name,
            size_bytes=found.size_bytes,
            bits_per_weight=found.bits_per_weight,
            divergence=found.divergence,
            shares=found.shares,
            plain=found.plain,
            recipe=found.recipe,
        )
    )
    if found.compared is not None:
        _report_quality(found.compared, reporter)
