"""Predict memory, fit, speed and quality of every level for given load options.

Pure arithmetic, fast enough to follow a slider.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import msgspec

from app.core.language import tr
from app.core.load_options import LoadOptions
from app.estimation.compute_buffers import ComputeBuffers, compute_buffers
from app.estimation.fit import Plan, plan_fit
from app.estimation.kv_cache import SizedCache, size_caches
from app.estimation.model_profile import LevelProfile, ModelProfile
from app.estimation.placement import Need
from app.estimation.quality import Quality
from app.estimation.speed import PredictedSpeed, predict_speed
from app.estimation.speed_caveats import why_unknown

_UNKNOWN = tr("The engine can't load this model, so its memory use is unknown.")
_NOT_CAUSAL = tr("Quality is estimated only for models that write text.")
_NO_FIGURE = tr("No quality figures have been published for this level.")


@dataclass(frozen=True)
class LevelPrediction:
    """The prediction for a level; None means unknown.

    `problem` is the reason for an unknown plan, `speed_problem` for the speed, `quality_problem`
    for the quality: a sentence, or empty if it is known or still being determined.
    """

    profile: LevelProfile
    plan: Plan | None = None
    problem: str = ""
    speed: PredictedSpeed | None = None
    speed_problem: str = ""
    quality_problem: str = ""

    @property
    def quality(self) -> Quality | None:
        """The best known quality of the level."""
        return self.profile.quality

    @property
    def problems(self) -> tuple[str, ...]:
        """The reasons for everything that is unknown, as sentences."""
        reasons = (self.problem, self.speed_problem, self.quality_problem)
        return tuple(dict.fromkeys(reason for reason in reasons if reason))


def predict_levels(profile: ModelProfile, options: LoadOptions) -> tuple[LevelPrediction, ...]:
    """Return the prediction for each level, in the profile's order."""
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
    """Return the options as a load uses them: the context is at most the trained one.

    A model that isn't causal reads its whole context in one batch.
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
