"""The speeds of a machine for a source: rates that are measured once, corrected by real speeds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from app.core.errors import AppError
from app.core.events import Event
from app.core.load_options import LoadOptions
from app.core.machine import usable_threads
from app.core.sentences import describe_error
from app.estimation.facts import Hardware
from app.estimation.hardware import read_hardware
from app.estimation.outlook import outlook
from app.estimation.rate_measurement import RateWishes
from app.estimation.rate_store import known_rates, machine_key, machine_rates
from app.estimation.rates import MachineRates
from app.estimation.sizing import file_source
from app.estimation.source_facts import SourceFacts
from app.estimation.speed_history import (
    correction_for,
    known_speeds,
    real_speed,
    remember_speed,
)
from app.estimation.survey import survey
from app.estimation.trial import LoadManner
from app.inference.probe import engine_setting, known_setting
from app.library.facts import facts_of, read_headers
from app.library.kind import is_gguf_file

Report = Callable[[Event], None]


def timed(
    facts: SourceFacts,
    source: Path,
    options: LoadOptions,
    manner: LoadManner,
    report: Report | None,
) -> SourceFacts:
    """The facts with this machine's rates for the types of their weights.

    Rates that are not known are measured, which takes seconds; without `report` they stay unknown.
    A speed that can't be measured stays unknown, too, and the log says why.

    Raises:
        AppError: `engine_missing`, `worker_unreachable`.
    """
    types = {name for level in facts.levels if level.typed for name in level.typed.types}
    wishes = _wishes(options, manner, report)
    rates = _rates(facts.hardware, types, wishes, measures=report is not None)
    speeds, machine = known_speeds(), machine_key(facts.hardware, wishes)
    levels = tuple(
        replace(level, correction=correction_for(speeds, machine, model_name(source), level.level))
        for level in facts.levels
    )
    return replace(facts, levels=levels, rates=rates)


def note_real_speed(
    model: Path,
    options: LoadOptions,
    manner: LoadManner,
    *,
    prompt_tokens_per_second: float | None = None,
    generation_tokens_per_second: float | None = None,
) -> None:
    """Remember how fast a GGUF file really was, where there is a prediction to correct.

    Raises:
        AppError: what reading its header and trying a load raise, and what keeping a file raises.
    """
    source, hardware = file_source(model), read_hardware()
    wishes = _wishes(options, manner, None)
    facts = survey(source, hardware, options, manner)
    facts = replace(facts, rates=known_rates(hardware, wishes))
    (row,) = outlook(facts, options)
    if row.speed is not None:
        remember_speed(
            real_speed(
                machine_key(hardware, wishes),
                model_name(model),
                row.facts.level,
                row.speed,
                prompt_tokens_per_second=prompt_tokens_per_second,
                generation_tokens_per_second=generation_tokens_per_second,
            )
        )


def model_name(source: Path) -> str:
    """What all levels of a model share: the name without the level.

    Raises:
        AppError: what reading a GGUF file's header raises.
    """
    if not is_gguf_file(source):
        return source.name
    return facts_of(read_headers(source)).name


def _wishes(options: LoadOptions, manner: LoadManner, report: Report | None) -> RateWishes:
    setting = engine_setting(report) if report is not None else known_setting()
    return RateWishes(
        threads=options.threads or usable_threads(),
        workers=manner.workers,
        without=setting.without if setting is not None else (),
    )


def _rates(
    hardware: Hardware, types: set[str], wishes: RateWishes, *, measures: bool
) -> MachineRates:
    if measures and types:
        try:
            return machine_rates(hardware, types, wishes)
        except AppError as error:
            sys.stderr.write(describe_error(error.code, error.facts) + "\n")
    return known_rates(hardware, wishes)
