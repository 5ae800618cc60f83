"""Convert from end to end: check everything, plan every level, then write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.conversion.config_blame import blaming_config
from app.conversion.conversion_request import ConversionRequest
from app.conversion.converter.transformers_choice import describe_version, trying_both
from app.conversion.layout.layout import Layout
from app.conversion.loadability import require_loadable
from app.conversion.memory_check import require_memory
from app.conversion.own_types import own_plan
from app.conversion.sources import LaidOut
from app.conversion.type_plan import TypePlan, hollow_file, plan_as_laid_out, plan_types
from app.conversion.unmatched_patterns import find_unmatched, find_unused
from app.conversion.writer import write_models
from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.events import (
    Checked,
    Event,
    LevelPlanned,
    NoticeReported,
    Progressed,
    Subject,
    TensorPlanned,
)
from app.core.files import raising_app_errors, require_space, require_writable
from app.core.language import tr
from app.core.levels import FORMAT_PRESERVING_LEVELS, Level
from app.core.sizes import format_bytes
from app.gguf_file.recipe_file import write_recipe
from app.gguf_file.tensor_types import type_name
from app.gguf_file.type_recipe import recipe_of
from app.jobs.restart import has_restarted

Report = Callable[[Event], None]
_TOKENIZER_ERRORS = frozenset(
    {
        ErrorCode.TOKENIZER_MISSING,
        ErrorCode.TOKENIZER_UNKNOWN,
        ErrorCode.TOKEN_MISSING,
        ErrorCode.REMOTE_CODE_NEEDED,
    }
)
_LOSES_TWICE = frozenset({ErrorCode.WEIGHTS_QUANTIZED_ALREADY})
_WEIGHTS_ERRORS = frozenset(
    {
        ErrorCode.PICKLE_REFUSED,
        ErrorCode.WEIGHTS_DAMAGED,
        ErrorCode.WEIGHTS_QUANTIZED_ALREADY,
        ErrorCode.QUANTIZATION_UNSUPPORTED,
        ErrorCode.TENSOR_UNKNOWN,
    }
)


@dataclass(frozen=True)
class PlannedModel:
    """A layout, and the plan of the file for each of its levels."""

    layout: Layout
    plans: dict[Path, TypePlan]


def convert(request: ConversionRequest, converter: Path, report: Report) -> tuple[Path, ...]:
    """Check, plan and write; a dry run stops after the plan. Return the files written.

    Every check is reported before the first fault among them is raised.

    Raises:
        AppError: the first check that failed, or why the writing failed.
    """
    planned = plan_conversion(request, converter, report)
    if request.types_file is not None:
        for plan in (plan for part in planned for plan in part.plans.values()):
            write_recipe(request.types_file, recipe_of(plan.tensors))
    if request.is_dry_run:
        return ()
    for part in planned:
        write_models(part.layout, part.plans, request.quantization, report)
    return tuple(path for part in planned for path in part.plans)


def plan_conversion(
    request: ConversionRequest, converter: Path, report: Report
) -> list[PlannedModel]:
    """Check and plan a conversion without writing anything.

    Raises:
        AppError: the first check that failed.
    """
    _check(request, converter, report)
    planned = list(_plan(request, converter, report))
    _check_room(request, planned, report)
    return planned


def require_choices(request: ConversionRequest, report: Report) -> None:
    """Check only the levels and the names of the files.

    Raises:
        AppError: `level_not_offered`, `file_exists`, `result_exists`, `folder_not_writable`,
            `disk_full`.
    """
    _require([*_check_choices(request)], report)


def _check(request: ConversionRequest, converter: Path, report: Report) -> None:
    _require([*request.source.checks(converter), *_check_choices(request)], report)


def _require(checked: Sequence[Checked], report: Report) -> None:
    for check in checked:
        # The first try has reported the good ones.
        if check.error is not None or not has_restarted():
            report(check)
    for check in checked:
        if check.error is not None:
            raise AppError(check.error, **check.details)


def _check_choices(request: ConversionRequest) -> Iterator[Checked]:
    for level in request.levels:
        if level not in request.source.levels:
            yield Checked("weights", "", ErrorCode.LEVEL_NOT_OFFERED, {"level": level.name})
            return
    if not request.is_dry_run:
        yield from _check_targets(request, request.known_targets)


def _check_targets(request: ConversionRequest, targets: Iterable[Path]) -> Iterator[Checked]:
    try:
        _require_places(targets, request)
    except AppError as error:
        yield Checked("disk", "", error.code, error.details)


def _require_places(targets: Iterable[Path], request: ConversionRequest) -> None:
    with raising_app_errors(request.folder):
        for target in targets:
            if target.is_dir():
                raise AppError(ErrorCode.FILE_EXISTS, file=str(target))
            if target.exists() and not request.replaces:
                raise AppError(ErrorCode.RESULT_EXISTS, file=str(target))
    require_writable(request.folder)


def _plan(request: ConversionRequest, converter: Path, report: Report) -> Iterator[PlannedModel]:
    layouts = request.source.layouts(request.levels, converter)
    known: set[str] = set()
    while (laid_out := _next(layouts, report)) is not None:
        if request.reports_tensors and laid_out.transformers is not None:
            report(Checked("converter", describe_version(laid_out.transformers)))
        with _reported_by_kind(report):
            unmatched = find_unmatched(laid_out.layout, request.choices)
        if laid_out.has_final_types:
            plans = [plan_as_laid_out(laid_out.layout, level) for level in laid_out.levels]
        else:
            plans = _plan_by_llama_cpp(laid_out, request, report)
        if len(plans) > 1:
            _require_level(request)
        # Not before: what is refused needs no advice on what to watch.
        for notice in (*laid_out.layout.notices, *unmatched, *_unused(request, plans)):
            # Of the same source in other levels there is the same to say.
            if str(notice) not in known:
                known.add(str(notice))
                report(notice)
        for plan in plans:
            _report_plan(plan, request, report)
        yield PlannedModel(laid_out.layout, {request.target(plan): plan for plan in plans})


def _unused(request: ConversionRequest, plans: Iterable[TypePlan]) -> tuple[NoticeReported, ...]:
    """Return what `find_unused` says of the levels that the user chose and that are written."""
    if request.skips_unsuitable:
        return ()
    return find_unused([plan.level for plan in plans if not plan.has_own_types], request.choices)


def _require_level(request: ConversionRequest) -> None:
    """Refuse several plans where types of all tensors would have made one without a level."""
    if request.lacks_level:
        raise AppError(ErrorCode.LEVEL_MISSING)
    if request.types_file is not None:
        raise AppError(ErrorCode.ONE_LEVEL_FOR_TYPES)


def _next(layouts: Iterator[LaidOut], report: Report) -> LaidOut | None:
    with _reported_by_kind(report):
        return next(layouts, None)


@contextmanager
def _reported_by_kind(report: Report) -> Iterator[None]:
    try:
        yield
    except AppError as error:
        report(Checked(_subject_of(error), "", error.code, error.details))
        raise


def _subject_of(error: AppError) -> Subject:
    if error.code in _TOKENIZER_ERRORS:
        return "tokenizer"
    return "weights" if error.code in _WEIGHTS_ERRORS else "architecture"


def _plan_by_llama_cpp(
    laid_out: LaidOut, request: ConversionRequest, report: Report
) -> list[TypePlan]:
    layout = laid_out.layout
    with hollow_file(layout, request.choices) as hollow:
        with (
            _reported_by_kind(report),
            blaming_config(laid_out.checkpoint, layout),
            trying_both(laid_out.transformers),
        ):
            vocabulary = require_loadable(hollow.path, layout.tokenizer_file)
        report(Checked("architecture", _size_in_words(layout)))
        report(Checked("tokenizer", vocabulary.tokenizer))
        if vocabulary.difference:
            report(vocabulary.difference)
        if len(request.levels) > 1 and request.skips_unsuitable:
            own = own_plan(layout, hollow, laid_out.levels, request.choices)
            if own is not None:
                return [own]
        plans, lossy = [], []
        for level in _worth_planning(laid_out, request):
            report(Progressed("plan", 0, 0, level.name))
            try:
                plans.append(plan_types(layout, hollow, level, request.choices))
            except AppError as error:
                if not (request.skips_unsuitable and error.code in _LOSES_TWICE):
                    raise
                lossy.append(level.name)
    if lossy:
        report(NoticeReported(NoticeCode.LEVELS_LOSE_TWICE, {"levels": ", ".join(lossy)}))
    return plans


def _worth_planning(laid_out: LaidOut, request: ConversionRequest) -> Iterator[Level]:
    """Yield the levels, except those that keep quantized weights where there are none."""
    for level in laid_out.levels:
        is_asked_for = level not in FORMAT_PRESERVING_LEVELS or not request.skips_unsuitable
        if is_asked_for or laid_out.layout.is_lossy:
            yield level


def _size_in_words(layout: Layout) -> str:
    return tr(
        "{architecture}, {weights} weights",
        architecture=layout.architecture,
        weights=f"{layout.parameters:,}",
    )


def _report_plan(plan: TypePlan, request: ConversionRequest, report: Report) -> None:
    path = str(request.target(plan))
    if request.reports_tensors:
        for tensor in plan.tensors:
            kind = type_name(tensor.type_number)
            report(
                TensorPlanned(plan.level.name, tensor.name, tensor.shape, kind, tensor.size_bytes)
            )
    report(LevelPlanned(plan.level.name, plan.size_bytes, plan.bits_per_weight, path))


def _check_room(request: ConversionRequest, planned: list[PlannedModel], report: Report) -> None:
    try:
        with _reported("memory", report):
            needed_bytes = require_memory([part.layout for part in planned])
        report(Checked("memory", tr("{size} needed", size=format_bytes(needed_bytes))))
    except AppError:
        # A plan is of use on a machine that is too small, too.
        if not request.is_dry_run:
            raise
    if request.is_dry_run:
        return
    plans = {path: plan for part in planned for path, plan in part.plans.items()}
    _require([*_check_targets(request, plans)], report)
    with _reported("disk", report):
        needed_bytes = sum(plan.size_bytes for plan in plans.values()) - request.present_bytes
        require_space(next(iter(plans)).parent, needed_bytes)
    report(Checked("disk", tr("enough space for the result")))


@contextmanager
def _reported(subject: Subject, report: Report) -> Iterator[None]:
    try:
        yield
    except AppError as error:
        report(Checked(subject, "", error.code, error.details))
        raise
