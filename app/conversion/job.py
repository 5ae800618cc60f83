"""A conversion from end to end: check everything, plan every level, then write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.checkpoint.checks import check_files
from app.conversion import bridge
from app.conversion.bridge import Layout
from app.conversion.choices import NO_CHOICES, TypeChoices
from app.conversion.trial import require_loadable
from app.conversion.type_plan import HollowFile, TypePlan, hollow_file, plan_types
from app.conversion.writer import Manner, write_models
from app.core.errors import AppError, ErrorCode, Facts
from app.core.events import Checked, Event, LevelPlanned, Progressed, Subject
from app.core.files import require_space
from app.core.levels import Level
from app.core.names import file_name_from

Report = Callable[[Event], None]
_TOKENIZER_ERRORS = frozenset(
    {ErrorCode.TOKENIZER_MISSING, ErrorCode.TOKENIZER_UNKNOWN, ErrorCode.REMOTE_CODE_NEEDED}
)


@dataclass(frozen=True)
class ConversionRequest:
    """What is to be made: `levels` of the checkpoint in `source`, in `folder` or as `file`."""

    source: Path
    levels: Sequence[Level]
    folder: Path
    file: Path | None = None
    threads: int = 1
    replaces: bool = False
    is_dry_run: bool = False
    by_reference: bool = False
    choices: TypeChoices = NO_CHOICES

    def target(self, level: Level) -> Path:
        """The path of the file for a level."""
        name = f"{file_name_from(self.source.resolve().name)}-{level.name}.gguf"
        return self.file or self.folder / name


def convert(request: ConversionRequest, converter: Path, report: Report) -> tuple[Path, ...]:
    """Check, plan and write; a dry run stops after the plan. Gives the files written.

    Every check is reported before the first fault among them is raised.

    Raises:
        AppError: the first check that failed, or why the writing failed.
    """
    checked = check_files(request.source)
    for check in checked:
        report(check)
    _raise_first(checked)
    _check_names(request, report)
    layout = _lay_out(request.source, converter, report)
    with hollow_file(layout) as hollow:
        _check_model(layout, hollow, report)
        plans = _plan(layout, hollow, request, report)
    _check_space(request, plans, report)
    if request.is_dry_run:
        return ()
    how = Manner(request.threads, request.choices, by_reference=request.by_reference)
    write_models(layout, plans, how, report)
    return tuple(plans)


def _lay_out(source: Path, converter: Path, report: Report) -> Layout:
    bridge.activate_converter(converter)
    try:
        return bridge.lay_out(source)
    except AppError as error:
        subject: Subject = "tokenizer" if error.code in _TOKENIZER_ERRORS else "architecture"
        report(Checked(subject, "", error.code, error.facts))
        raise


def _check_model(layout: Layout, hollow: HollowFile, report: Report) -> None:
    with _reported("architecture", report):
        require_loadable(hollow.path)
    words = f"{layout.architecture}, {layout.parameters / 1e6:,.0f} million weights"
    report(Checked("architecture", words))
    tokenizer = layout.metadata.get("tokenizer.ggml.pre") or layout.metadata.get(
        "tokenizer.ggml.model"
    )
    report(Checked("tokenizer", str(tokenizer.value) if tokenizer else "none"))


def _plan(
    layout: Layout, hollow: HollowFile, request: ConversionRequest, report: Report
) -> dict[Path, TypePlan]:
    plans = {}
    for level in request.levels:
        report(Progressed("plan", 0, 0, level.name))
        path = request.target(level)
        plan = plan_types(layout, hollow, level, request.choices)
        plans[path] = plan
        report(LevelPlanned(level.name, plan.size_bytes, plan.bits_per_weight, str(path)))
    return plans


def _check_names(request: ConversionRequest, report: Report) -> None:
    if request.is_dry_run or request.replaces:
        return
    with _reported("disk", report):
        for level in request.levels:
            if request.target(level).exists():
                raise AppError(ErrorCode.FILE_EXISTS, file=str(request.target(level)))


def _check_space(request: ConversionRequest, plans: dict[Path, TypePlan], report: Report) -> None:
    if request.is_dry_run:
        return
    with _reported("disk", report):
        needed_bytes = sum(plan.size_bytes for plan in plans.values())
        require_space(next(iter(plans)).parent, needed_bytes)
    report(Checked("disk", "enough room for the result"))


@contextmanager
def _reported(subject: Subject, report: Report) -> Iterator[None]:
    try:
        yield
    except AppError as error:
        report(Checked(subject, "", error.code, error.facts))
        raise


def _raise_first(checked: Sequence[Checked]) -> None:
    for check in checked:
        if check.error is not None:
            facts: Facts = check.facts
            raise AppError(check.error, **facts)
