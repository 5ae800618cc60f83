"""What each level would be like with some load options: arithmetic that keeps up with sliders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import msgspec

from app.core.load_options import LoadOptions
from app.estimation.compute_buffers import ComputeBuffers, compute_buffers
from app.estimation.fit import Plan, plan_fit
from app.estimation.kv_cache import SizedCache, size_caches
from app.estimation.model_profile import LevelProfile, ModelProfile
from app.estimation.placement import Need
from app.estimation.quality import Quality
from app.estimation.speed import PredictedSpeed, predict_speed
from app.estimation.speed_caveats import why_unknown

_UNKNOWN = "The engine can't load this model, so its memory is unknown."
_NOT_CAUSAL = "Only of models that write text is the quality told."
_NO_FIGURE = "Nobody has published the quality of this level; “gristmill measure” tells it."


@dataclass(frozen=True)
class LevelPrediction:
    """What is to be expected of a level; None is unknown.

    `problem` says why of the plan, `speed_problem` of the speed, `quality_problem` of the quality.
    Empty where it is known, or still being found out.
    """

    profile: LevelProfile
    plan: Plan | None = None
    problem: str = ""
    speed: PredictedSpeed | None = None
    speed_problem: str = ""
    quality_problem: str = ""

    @property
    def quality(self) -> Quality | None:
        """The best that is known of it."""
        return self.profile.quality

    @property
    def problems(self) -> tuple[str, ...]:
        """The reasons for all that is unknown of it, in sentences."""
        reasons = (self.problem, self.speed_problem, self.quality_problem)
        return tuple(dict.fromkeys(reason for reason in reasons if reason))


def predict_levels(profile: ModelProfile, options: LoadOptions) -> tuple[LevelPrediction, ...]:
    """What is to be expected of each level, in the profile' order."""
    options = effective_options(profile, options)
    shape = profile.shape
    caches = size_caches(profile.caches, shape.kv_heads, shape.layers, options, window=shape.window)
    buffers = {
        name: compute_buffers(profile.samples, name, options, shape.layers)
        for name in {sample.level for sample in profile.samples}
    }
    return tuple(
        _predict_level(level, profile, options, caches, buffers) for level in profile.levels
    )


def effective_options(profile: ModelProfile, options: LoadOptions) -> LoadOptions:
    """The options as a load takes them: no context beyond the trained one.

    A model whose tokens look ahead reads its whole context at once.
    """
    context = min(options.context, profile.shape.trained_context or options.context)
    options = msgspec.structs.replace(options, context=context)
    if profile.is_causal:
        return options
    return msgspec.structs.replace(options, batch=context, micro_batch=context)


def _predict_level(
    level: LevelProfile,
    profile: ModelProfile,
    options: LoadOptions,
    caches: tuple[SizedCache, ...],
    buffers: Mapping[str, ComputeBuffers],
) -> LevelPrediction:
    compute = buffers.get(level.level) or buffers.get("")
    unknown = LevelPrediction(level, quality_problem=_quality_problem(level, profile))
    if level.weights is None or compute is None:
        problem = level.problem or _UNKNOWN
        return replace(unknown, problem=problem, speed_problem=problem)
    need = Need(level.weights, caches, compute, profile.largest_context)
    planned = replace(unknown, plan=plan_fit(need, profile.hardware, options))
    return _with_speed(planned, profile, options, caches)


def _with_speed(
    row: LevelPrediction,
    profile: ModelProfile,
    options: LoadOptions,
    caches: tuple[SizedCache, ...],
) -> LevelPrediction:
    typed, plan, rates = row.profile.typed, row.plan, profile.rates
    if typed is None or plan is None or rates is None:
        return replace(row, speed_problem=profile.speed_problem)
    speed = predict_speed(
        typed,
        profile.shape,
        plan.placement,
        rates,
        caches=caches,
        cache_type=options.cache_type_k,
        correction=row.profile.correction,
    )
    if speed is not None:
        return replace(row, speed=speed)
    why = why_unknown(typed, plan.placement, rates, profile.speed_problem)
    return replace(row, speed_problem=why)


def _quality_problem(level: LevelProfile, profile: ModelProfile) -> str:
    if level.quality is not None:
        return ""
    return _NO_FIGURE if profile.is_causal else _NOT_CAUSAL
