"""Add a machine's rates, and corrections from measured speeds, to a profile."""

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
from app.profiling.rate_store import machine_key, machine_rates, stored_rates
from app.profiling.sizing import file_source
from app.profiling.speed_history import correction_for, speed_ratios, store_speed, stored_speeds
from app.profiling.this_machine import read_hardware

Report = Callable[[Event], None]


def with_speeds(
    profile: ModelProfile, source: Path, options: LoadOptions, setup: ContextSetup, report: Report
) -> ModelProfile:
    """Return the profile with this machine's rates for its types of weights, and corrections.

    Missing rates are measured, which takes seconds. If that fails, the speed stays unknown, and the
    profile and the log have the reason.
    """
    types = Counter(name for level in profile.levels if level.typed for name in level.typed.types)
    request = BenchmarkRequest(options.threads or usable_threads(), setup.workers)
    problem = ""
    try:
        request = replace(request, disabled_features=engine_setting(report).disabled_features)
        # The types of most levels come first, in case there is no time for all.
        rates = machine_rates(profile.hardware, [name for name, _ in types.most_common()], request)
    except AppError as error:
        problem = describe_error(error.code, error.details)
        sys.stderr.write(problem + "\n")
        rates = stored_rates(profile.hardware, request)
    speeds, machine = stored_speeds(), machine_key(profile.hardware, request)
    levels = tuple(
        replace(level, correction=correction_for(speeds, machine, model_name(source), level.level))
        for level in profile.levels
    )
    return replace(profile, levels=levels, rates=rates, speed_problem=problem)


def record_speed(
    model: Model,
    options: LoadOptions,
    setup: ContextSetup,
    *,
    prompt_tokens_per_second: float | None = None,
    generation_tokens_per_second: float | None = None,
) -> None:
    """Record how fast a GGUF model actually ran, if there is a prediction to correct.

    Predictions from disturbed rates are not corrected: better rates will be measured.

    Raises:
        AppError: errors of a dry load and of writing a file.
    """
    source, hardware = file_source(model), read_hardware()
    setting = known_setting()
    request = BenchmarkRequest(
        threads=options.threads or usable_threads(),
        workers=setup.workers,
        disabled_features=setting.disabled_features if setting is not None else (),
    )
    profile = collect_profile(source, hardware, options, setup)
    profile = replace(profile, rates=stored_rates(hardware, request))
    (row,) = predict_levels(profile, options)
    if row.speed is not None and not row.speed.is_disturbed:
        store_speed(
            speed_ratios(
                machine_key(hardware, request),
                model.info.name,
                row.profile.level,
                row.speed,
                prompt_tokens_per_second=prompt_tokens_per_second,
                generation_tokens_per_second=generation_tokens_per_second,
            )
        )


def model_name(source: Path) -> str:
    """Return the name that all levels of a model share.

    Raises:
        AppError: errors of reading a GGUF file's header.
    """
    if not is_gguf_file(source):
        return source.name
    return model_info_of(read_headers(source)).name
