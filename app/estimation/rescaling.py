"""Rescale a profile to levels planned with other tensor types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from app.core.events import LevelPlanned
from app.estimation.model_profile import LevelProfile, ModelProfile
from app.estimation.quality import Quality, quality_of_level
from app.estimation.speed import TypedWeights
from app.estimation.weights import Weights


def resized(profile: ModelProfile, planned: Iterable[LevelPlanned]) -> ModelProfile:
    """Return the profile with the planned levels and their exact sizes, in the plan's order.

    The weights of a level whose size has changed (an importance matrix, other types) are scaled
    from the known level nearest in size; `is_exact` is false then. A level that was not known gets
    its own typical quality; one of another size gets that of the nearest level.
    """
    return replace(profile, levels=tuple(_resized(profile.levels, level) for level in planned))


def _resized(known: tuple[LevelProfile, ...], planned: LevelPlanned) -> LevelProfile:
    own = next((level for level in known if level.level == planned.level), None)
    if own is not None and own.size_bytes == planned.size_bytes:
        return own
    level = LevelProfile(
        level=planned.level,
        size_bytes=planned.size_bytes,
        is_exact=False,
        bits_per_weight=planned.bits_per_weight,
        problem=own.problem if own is not None else "",
    )
    sized = [one for one in known if one.weights is not None and one.size_bytes]
    base = min(sized, key=lambda one: _apart(one, planned), default=None)
    if base is None or base.weights is None or not base.size_bytes:
        return level
    factor = planned.size_bytes / base.size_bytes
    return replace(
        level,
        weights=_scaled(base.weights, factor),
        quality=base.quality and _typical(planned.level if own is None else base.level, base.level),
        typed=base.typed and _scaled_types(base.typed, factor),
    )


def _apart(level: LevelProfile, planned: LevelPlanned) -> int:
    return abs((level.size_bytes or 0) - planned.size_bytes)


def _typical(level: str, base: str) -> Quality | None:
    """Return a level's typical quality; one that isn't `base` uses an importance matrix."""
    return quality_of_level(level, has_importance=level != base)


def _scaled(weights: Weights, factor: float) -> Weights:
    return Weights(
        input_bytes=round(weights.input_bytes * factor),
        layer_bytes=tuple(round(size * factor) for size in weights.layer_bytes),
        expert_bytes=tuple(round(size * factor) for size in weights.expert_bytes),
        output_bytes=round(weights.output_bytes * factor),
        tied_bytes=round(weights.tied_bytes * factor),
    )


def _scaled_types(typed: TypedWeights, factor: float) -> TypedWeights:
    def scaled(sizes: Mapping[str, int]) -> dict[str, int]:
        return {name: round(size * factor) for name, size in sizes.items()}

    return TypedWeights(
        layers=tuple(map(scaled, typed.layers)),
        experts=tuple(map(scaled, typed.experts)),
        output=scaled(typed.output),
    )
