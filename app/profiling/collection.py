"""Collect the profile of a source from dry loads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

import msgspec

from app.core.events import Event
from app.core.load_options import LARGEST_CONTEXT, LoadOptions
from app.core.sentences import describe_error
from app.estimation.compute_buffers import LoadSample
from app.estimation.hardware import Hardware
from app.estimation.model_profile import LevelProfile, ModelProfile
from app.estimation.model_shape import ModelShape
from app.estimation.predictions import effective_options, predict_levels
from app.estimation.quality import quality_of_level
from app.estimation.speed import typed_weights
from app.estimation.weights import weights_of
from app.machine.cores import usable_threads
from app.native.load_log import LoadLog, by_device
from app.profiling.dry_load import ContextSetup, DryLoad, run_dry_loads
from app.profiling.probed_quality import probe_quality
from app.profiling.sizing import SizedLevel, SizedSource

_CONTEXTS = (512, 2048, 8192, 32768, 131072)
_MICRO_BATCHES = (128, 512, 2048)
_MAX_ROUNDS = 2


def collect_profile(
    source: SizedSource,
    hardware: Hardware,
    options: LoadOptions,
    setup: ContextSetup,
    *,
    is_wide: bool = False,
) -> ModelProfile:
    """Dry-load the source with the options and at the largest context; `is_wide` adds more loads.

    Raises:
        AppError: from `run_dry_loads` and `SizedSource.require_loadable`.
    """
    with ThreadPoolExecutor(1) as pool:
        # Reading the vocabulary takes llama.cpp about as long as the child takes for its loads.
        check = pool.submit(source.require_loadable)
        profile = _dry_load_profile(source, hardware, options, setup, is_wide=is_wide)
        check.result()
    return profile


def _dry_load_profile(
    source: SizedSource,
    hardware: Hardware,
    options: LoadOptions,
    setup: ContextSetup,
    *,
    is_wide: bool,
) -> ModelProfile:
    trained = source.shape.trained_context
    largest = max(options.context if not trained else 0, min(trained, LARGEST_CONTEXT))
    profile = ModelProfile(
        hardware=hardware,
        shape=source.shape,
        is_causal=source.is_causal,
        largest_context=largest,
        levels=tuple(_level_profile(level, source, None) for level in source.levels),
    )
    base = next((level for level in source.levels if level.file is not None), None)
    if base is None:
        return profile
    setup = replace(setup, single_batch=not source.is_causal)
    options = effective_options(profile, options)
    with base.opened() as path:
        dry_loads = [
            DryLoad(path, tuple(_loads(start, profile, is_wide=is_wide)))
            for start in _initial_options(source.shape, hardware, options)
        ]
        logs = run_dry_loads(dry_loads, setup)
    samples = [
        sample
        for dry_load, logs_of_one in zip(dry_loads, logs, strict=True)
        for sample in _samples_of(dry_load, logs_of_one, hardware)
    ]
    whole = next((log for log in reversed(logs[0]) if log is not None), None)
    if whole is None:
        return profile
    levels = tuple(_level_profile(level, source, whole) for level in source.levels)
    return replace(profile, levels=levels, caches=whole.caches, samples=tuple(samples))


def refine(
    profile: ModelProfile, source: SizedSource, options: LoadOptions, setup: ContextSetup
) -> ModelProfile:
    """Dry-load each level as planned, until every plan is based on such a load.

    Without devices, levels don't differ.

    Raises:
        AppError: from `run_dry_loads`.
    """
    if not profile.hardware.devices or not profile.samples:
        return profile
    setup = replace(setup, single_batch=not source.is_causal)
    options = effective_options(profile, options)
    for _ in range(_MAX_ROUNDS):
        wanted = list(_planned_loads(profile, source, options))
        if not wanted:
            break
        profile = replace(
            profile, samples=profile.samples + tuple(_new_samples(wanted, profile, setup))
        )
    return profile


def _planned_loads(
    profile: ModelProfile, source: SizedSource, options: LoadOptions
) -> Iterator[tuple[SizedLevel, LoadOptions]]:
    """Yield the planned load of each level, unless it was tried already."""
    tried = {
        (sample.level, sample.options.gpu_layers, bool(sample.options.experts_on_cpu))
        for sample in profile.samples
    }
    for level, expected in zip(source.levels, predict_levels(profile, options), strict=True):
        plan = expected.plan
        if plan is None or not plan.gpu_layers:
            continue
        if (level.level, plan.gpu_layers, bool(plan.experts_on_cpu)) not in tried:
            yield (
                level,
                msgspec.structs.replace(
                    options, gpu_layers=plan.gpu_layers, experts_on_cpu=plan.experts_on_cpu
                ),
            )


def _new_samples(
    wanted: Sequence[tuple[SizedLevel, LoadOptions]], profile: ModelProfile, setup: ContextSetup
) -> Iterator[LoadSample]:
    with ExitStack() as files:
        dry_loads = []
        for level, load in wanted:
            loads = tuple(_at(load, context, profile) for context in _contexts_of(load, profile))
            dry_loads.append(DryLoad(files.enter_context(level.opened()), loads))
        logs = run_dry_loads(dry_loads, setup)
    for (level, _), dry_load, logs_of_one in zip(wanted, dry_loads, logs, strict=True):
        yield from _samples_of(dry_load, logs_of_one, profile.hardware, level.level)


def _samples_of(
    dry_load: DryLoad, logs: Sequence[LoadLog | None], hardware: Hardware, level: str = ""
) -> Iterator[LoadSample]:
    """Yield the compute buffers that the loads logged, as far as they succeeded."""
    # A device without layers may compute all the same.
    names = [device.name for device in hardware.devices]
    for load, log in zip(dry_load.loads, logs, strict=True):
        if log is not None:
            compute = by_device(log.compute_buffers, names)
            yield LoadSample(load, compute, level)


def _contexts_of(options: LoadOptions, profile: ModelProfile) -> Iterable[int]:
    return dict.fromkeys((options.context, max(options.context, profile.largest_context)))


def _initial_options(
    shape: ModelShape, hardware: Hardware, options: LoadOptions
) -> Iterator[LoadOptions]:
    """Yield the options with none, half, and all of the layers, the output included."""
    whole = shape.layers + 1
    counts = [0, max(1, whole // 2), whole] if hardware.devices else [0]
    if options.gpu_layers is not None and hardware.devices:
        counts.append(min(options.gpu_layers, whole))
    for count in dict.fromkeys(counts):
        experts = options.experts_on_cpu or 0
        yield msgspec.structs.replace(options, gpu_layers=count, experts_on_cpu=experts)
        if shape.experts and count == whole and not experts:
            yield msgspec.structs.replace(options, gpu_layers=count, experts_on_cpu=shape.layers)


def _loads(options: LoadOptions, profile: ModelProfile, *, is_wide: bool) -> Iterator[LoadOptions]:
    """Yield the loads to try: those with the options last, ending with the largest context.

    That one is without full-size sliding windows, whose size can be computed from it.
    """
    contexts = sorted({*_contexts_of(options, profile)})
    if is_wide:
        yield from _variations(options, sorted({*_CONTEXTS, *contexts}), profile)
    for context in contexts:
        yield _at(options, context, profile)
    if options.swa_full:
        yield _at(msgspec.structs.replace(options, swa_full=False), contexts[-1], profile)


def _variations(
    options: LoadOptions, contexts: Sequence[int], profile: ModelProfile
) -> Iterator[LoadOptions]:
    """Yield loads with other contexts, micro-batches and cache types, to cover all sliders."""
    replace_in = msgspec.structs.replace
    wide = {"cache_type_k": "f16", "cache_type_v": "f16"}
    for context in contexts:
        if context > profile.largest_context:
            continue
        for micro_batch in (*_MICRO_BATCHES, options.micro_batch):
            batch = max(options.batch, micro_batch)
            yield _at(replace_in(options, micro_batch=micro_batch, batch=batch), context, profile)
        for changes in (
            wide,
            {"cache_type_k": "q8_0", "cache_type_v": "q8_0"},
            {"flash_attention": "off", **wide},
            {"kv_on_device": not options.kv_on_device},
        ):
            yield _at(replace_in(options, **changes), context, profile)
        if profile.shape.window:
            yield _at(replace_in(options, swa_full=not options.swa_full), context, profile)


def _at(options: LoadOptions, context: int, profile: ModelProfile) -> LoadOptions:
    if profile.is_causal:
        return msgspec.structs.replace(options, context=context)
    return msgspec.structs.replace(options, context=context, batch=context, micro_batch=context)


def with_probed_quality(
    profile: ModelProfile, source: SizedSource, report: Callable[[Event], None]
) -> ModelProfile:
    """Return the profile with the quality of each new level, probed from the source's weights.

    Raises:
        AppError: from `probe_quality`.
    """
    plans = [level.plan for level in source.levels if level.plan is not None]
    if source.layout is None or not source.is_causal or not plans:
        return profile
    qualities = probe_quality(source.layout, plans, report, threads=usable_threads())
    return replace(
        profile,
        levels=tuple(
            replace(level, quality=qualities.get(level.level, level.quality))
            for level in profile.levels
        ),
    )


def _level_profile(level: SizedLevel, source: SizedSource, log: LoadLog | None) -> LevelProfile:
    problem = level.problem
    typical = quality_of_level(level.level) if source.is_causal else None
    return LevelProfile(
        level=level.level,
        size_bytes=level.size_bytes,
        is_exact=level.size_bytes is not None,
        bits_per_weight=level.bits_per_weight,
        weights=weights_of(level.tensors, log) if log and level.tensors else None,
        problem=describe_error(problem.code, problem.details) if problem else "",
        quality=level.quality or typical,
        typed=typed_weights(level.tensors, level.types, log) if log and level.tensors else None,
    )
