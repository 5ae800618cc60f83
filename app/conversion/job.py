"""A conversion from end to end: check everything, plan every level, then write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.checkpoint.checks import check_files
from app.conversion import bridge
from app.conversion.bridge import Layout
from app.conversion.type_plan import TypePlan, hollow_file, plan_types
from app.conversion.writer import write_models
from app.core.errors import AppError, ErrorCode, Facts
from app.core.events import Checked, Event, LevelPlanned, Progressed, Subject
from app.core.files import require_space
from app.core.levels import Level
from app.core.names import file_name_from

Report = Callable[[Event], None]


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
    layout = _lay_out(request.source, converter, report)
    plans = _plan(layout, request, report)
    _check_targets(request, plans, report)
    if request.is_dry_run:
        return ()
    write_models(layout, plans, request.threads, report)
    return tuple(plans)


def _lay_out(source: Path, converter: Path, report: Report) -> Layout:
    bridge.activate_converter(converter)
    try:
        layout = bridge.lay_out(source)
    except AppError as error:
        subject: Subject = (
            "tokenizer" if error.code is ErrorCode.TOKENIZER_UNKNOWN else "architecture"
        )
        report(Checked(subject, "", error.code, error.facts))
        raise
    words = f"{layout.architecture}, {layout.parameters / 1e6:,.0f} million weights"
    report(Checked("architecture", words))
    tokenizer = layout.metadata.get("tokenizer.ggml.pre") or layout.metadata.get(
        "tokenizer.ggml.model"
    )
    report(Checked("tokenizer", str(tokenizer.value) if tokenizer else "none"))
    return layout


def _plan(layout: Layout, request: ConversionRequest, report: Report) -> dict[Path, TypePlan]:
    plans = {}
    with hollow_file(layout) as hollow:
        for level in request.levels:
            report(Progressed("plan", 0, 0, level.name))
            path, plan = request.target(level), plan_types(layout, hollow, level)
            plans[path] = plan
            report(LevelPlanned(level.name, plan.size_bytes, plan.bits_per_weight, str(path)))
    return plans


def _check_targets(request: ConversionRequest, plans: dict[Path, TypePlan], report: Report) -> None:
    if request.is_dry_run:
        return
    needed_bytes = sum(plan.size_bytes for plan in plans.values())
    try:
        _require_targets(request, plans, needed_bytes)
    except AppError as error:
        report(Checked("disk", "", error.code, error.facts))
        raise
    report(Checked("disk", "enough room for the result"))


def _require_targets(
    request: ConversionRequest, plans: dict[Path, TypePlan], needed_bytes: int
) -> None:
    for path in plans:
        if path.exists() and not request.replaces:
            raise AppError(ErrorCode.FILE_EXISTS, file=str(path))
    require_space(next(iter(plans)).parent, needed_bytes)


def _raise_first(checked: Sequence[Checked]) -> None:
    for check in checked:
        if check.error is not None:
            facts: Facts = check.facts
            raise AppError(check.error, **facts)
