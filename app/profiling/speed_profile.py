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
from app.estimation.model_profile import ModelProfile
from app.estimation.predictions import predict_levels
from app.gguf_file.detection import is_gguf_file
from app.gguf_file.model import Model
from app.gguf_file.model_info import model_info_of, read_headers
from app.inference.self_test.probe import engine_setting, known_setting
from app.machine.cores import usable_threads
from app.profiling.collection import collect_profile
from app.profiling.dry_load import ContextSetup
from app.profiling.rate_benchmark import BenchmarkRequest
from app.profiling.rate_store import known_rates, machine_key, machine_rates
from app.profiling.sizing import file_source
from app.profiling.speed_history import correction_for, known_speeds, real_speed, remember_speed
from app.profiling.this_machine import read_hardware

Report = Callable[[Event], None]


def with_speeds(
    profile: ModelProfile, source: Path, options: LoadOptions, setup: ContextSetup, report: Report
) -> ModelProfile:
    """The profile with this machine's rates for the types of their weights.

    Rates that are not known are measured, which takes seconds. A speed that can't be measured
    stays unknown; the profile and the log say why.
    """
    wanted = Counter(name for level in profile.levels if level.typed for name in level.typed.types)
    request = BenchmarkRequest(options.threads or usable_threads(), setup.workers)
    problem = ""
    try:
        request = replace(request, without=engine_setting(report).without)
        # What most levels have comes first, should there be no time for all.
        rates = machine_rates(profile.hardware, [name for name, _ in wanted.most_common()], request)
    except AppError as error:
        problem = describe_error(error.code, error.details)
        sys.stderr.write(problem + "\n")
        rates = known_rates(profile.hardware, request)
    speeds, machine = known_speeds(), machine_key(profile.hardware, request)
    levels = tuple(
        replace(level, correction=correction_for(speeds, machine, model_name(source), level.level))
        for level in profile.levels
    )
    return replace(profile, levels=levels, rates=rates, speed_problem=problem)


def note_real_speed(
    model: Model,
    options: LoadOptions,
    setup: ContextSetup,
    *,
    prompt_tokens_per_second: float | None = None,
    generation_tokens_per_second: float | None = None,
) -> None:
    """Remember how fast a GGUF file really was, where there is a prediction to correct.

    One that was made from disturbed rates is not corrected: better ones will be measured.

    Raises:
        AppError: what trying a load raises, and what keeping a file raises.
    """
    source, hardware = file_source(model), read_hardware()
    setting = known_setting()
    request = BenchmarkRequest(
        threads=options.threads or usable_threads(),
        workers=setup.workers,
        without=setting.without if setting is not None else (),
    )
    profile = collect_profile(source, hardware, options, setup)
    profile = replace(profile, rates=known_rates(hardware, request))
    (row,) = predict_levels(profile, options)
    if row.speed is not None and not row.speed.is_disturbed:
        remember_speed(
            real_speed(
                machine_key(hardware, request),
                model.info.name,
                row.profile.level,
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
    return model_info_of(read_headers(source)).name
