"""The speeds of a machine for a source: rates that are measured once, corrected by real speeds."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from app.core.errors import AppError
from app.core.events import Event
from app.core.load_options import LoadOptions
from app.core.sentences import describe_error
from app.estimation.model_profile import SourceFacts
from app.estimation.predictions import outlook
from app.gguf_file.detection import is_gguf_file
from app.gguf_file.model_info import facts_of, read_headers
from app.inference.self_test.probe import engine_setting, known_setting
from app.machine.cores import usable_threads
from app.profiling.collection import survey
from app.profiling.dry_load import LoadManner
from app.profiling.rate_benchmark import RateWishes
from app.profiling.rate_store import known_rates, machine_key, machine_rates
from app.profiling.sizing import file_source
from app.profiling.speed_history import correction_for, known_speeds, real_speed, remember_speed
from app.profiling.this_machine import read_hardware

Report = Callable[[Event], None]


def timed(
    facts: SourceFacts, source: Path, options: LoadOptions, manner: LoadManner, report: Report
) -> SourceFacts:
    """The facts with this machine's rates for the types of their weights.

    Rates that are not known are measured, which takes seconds. A speed that can't be measured
    stays unknown; the facts and the log say why.
    """
    wanted = Counter(name for level in facts.levels if level.typed for name in level.typed.types)
    wishes = RateWishes(options.threads or usable_threads(), manner.workers)
    problem = ""
    try:
        wishes = replace(wishes, without=engine_setting(report).without)
        # What most levels have comes first, should there be no time for all.
        rates = machine_rates(facts.hardware, [name for name, _ in wanted.most_common()], wishes)
    except AppError as error:
        problem = describe_error(error.code, error.facts)
        sys.stderr.write(problem + "\n")
        rates = known_rates(facts.hardware, wishes)
    speeds, machine = known_speeds(), machine_key(facts.hardware, wishes)
    levels = tuple(
        replace(level, correction=correction_for(speeds, machine, model_name(source), level.level))
        for level in facts.levels
    )
    return replace(facts, levels=levels, rates=rates, speed_problem=problem)


def note_real_speed(
    model: Path,
    options: LoadOptions,
    manner: LoadManner,
    *,
    prompt_tokens_per_second: float | None = None,
    generation_tokens_per_second: float | None = None,
) -> None:
    """Remember how fast a GGUF file really was, where there is a prediction to correct.

    One that was made from disturbed rates is not corrected: better ones will be measured.

    Raises:
        AppError: what reading its header and trying a load raise, and what keeping a file raises.
    """
    source, hardware = file_source(model), read_hardware()
    setting = known_setting()
    wishes = RateWishes(
        threads=options.threads or usable_threads(),
        workers=manner.workers,
        without=setting.without if setting is not None else (),
    )
    facts = survey(source, hardware, options, manner)
    facts = replace(facts, rates=known_rates(hardware, wishes))
    (row,) = outlook(facts, options)
    if row.speed is not None and not row.speed.is_disturbed:
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
