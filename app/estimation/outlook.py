"""What each level would be like with some load options: arithmetic that keeps up with sliders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from app.core.load_options import LoadOptions
from app.estimation.caches import SizedCache, size_caches
from app.estimation.compute import ComputeBuffers, compute_buffers
from app.estimation.fit import Plan, plan_fit
from app.estimation.placement import Need
from app.estimation.quality import Quality
from app.estimation.source_facts import LevelFacts, SourceFacts
from app.estimation.speed import Speed, predict_speed

_UNKNOWN = "The engine can't load this model, so its memory is unknown."


@dataclass(frozen=True)
class LevelOutlook:
    """What is to be expected of a level; None is unknown, and `problem` says why."""

    facts: LevelFacts
    plan: Plan | None = None
    problem: str = ""
    speed: Speed | None = None

    @property
    def quality(self) -> Quality | None:
        """The best that is known of it."""
        return self.facts.quality


def outlook(facts: SourceFacts, options: LoadOptions) -> tuple[LevelOutlook, ...]:
    """What is to be expected of each level, in the facts' order."""
    options = possible_options(facts, options)
    shape = facts.shape
    caches = size_caches(facts.caches, shape.kv_heads, shape.layers, options, window=shape.window)
    buffers = {
        name: compute_buffers(facts.samples, name, options, shape.layers)
        for name in {sample.level for sample in facts.samples}
    }
    return tuple(_outlook_of(level, facts, options, caches, buffers) for level in facts.levels)


def possible_options(facts: SourceFacts, options: LoadOptions) -> LoadOptions:
    """The options as a load takes them: no context beyond the trained one.

    A model whose tokens look ahead reads its whole context at once.
    """
    context = min(options.context, facts.shape.trained_context or options.context)
    options = msgspec.structs.replace(options, context=context)
    if facts.is_causal:
        return options
    return msgspec.structs.replace(options, batch=context, micro_batch=context)


def _outlook_of(
    level: LevelFacts,
    facts: SourceFacts,
    options: LoadOptions,
    caches: tuple[SizedCache, ...],
    buffers: Mapping[str, ComputeBuffers],
) -> LevelOutlook:
    compute = buffers.get(level.level) or buffers.get("")
    if level.weights is None or compute is None:
        return LevelOutlook(level, problem=level.problem or _UNKNOWN)
    need = Need(level.weights, caches, compute, facts.largest_context)
    plan = plan_fit(need, facts.hardware, options)
    speed = None
    if level.typed is not None and facts.rates is not None:
        speed = predict_speed(
            level.typed,
            facts.shape,
            plan.placement,
            facts.rates,
            caches=caches,
            cache_type=options.cache_type_k,
            correction=level.correction,
        )
    return LevelOutlook(level, plan, speed=speed)
