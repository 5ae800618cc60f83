"""Record measured speeds as ratios to predicted ones, and use them to correct predictions."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from app.core import paths
from app.core.json_store import JsonStore
from app.estimation.speed import NO_CORRECTION, Correction, PredictedSpeed

_MAX_PER_LEVEL = 9
_FEWEST_OF_OTHER_MODELS = 3
_LARGEST_CORRECTION = 2.0


@dataclass(frozen=True)
class SpeedRatios:
    """Ratios of measured speeds to those predicted without correction; None if not measured.

    `machine` comes from `app.profiling.rate_store.machine_key`; `model` is a name shared by all
    levels of a model.
    """

    machine: str
    model: str
    level: str
    prompt: float | None
    generation: float | None


def speed_ratios(
    machine: str,
    model: str,
    level: str,
    predicted: PredictedSpeed,
    *,
    prompt_tokens_per_second: float | None = None,
    generation_tokens_per_second: float | None = None,
) -> SpeedRatios:
    """Return the ratios of measured speeds to a prediction without correction."""
    return SpeedRatios(
        machine=machine,
        model=model,
        level=level,
        prompt=_ratio(prompt_tokens_per_second, predicted.prompt_tokens_per_second),
        generation=_ratio(generation_tokens_per_second, predicted.generation_tokens_per_second),
    )


def store_speed(speed: SpeedRatios) -> None:
    """Store measured speed ratios; only the last nine are kept per level of a model and machine."""
    of_each: defaultdict[tuple[str, str, str], list[SpeedRatios]] = defaultdict(list)
    for one in (*stored_speeds(), speed):
        of_each[one.machine, one.model, one.level].append(one)
    stored = [one for some in of_each.values() for one in some[-_MAX_PER_LEVEL:]]
    # Losing one speed to another run that is writing its own does no harm.
    _store().write_unless_busy(tuple(stored))


def stored_speeds() -> tuple[SpeedRatios, ...]:
    """Return all stored speed ratios, skipping unreadable ones."""
    return _store().salvage() or ()


def correction_for(
    speeds: Iterable[SpeedRatios], machine: str, model: str, level: str
) -> Correction:
    """Return the median ratios of the level, else of the model, else of all models on the machine.

    Other models count once there are three measurements. Corrections are limited to a factor of two
    either way.
    """
    here = [one for one in speeds if one.machine == machine]
    of_model = [one for one in here if one.model == model]
    of_level = [one for one in of_model if one.level == level]
    others = here if len(here) >= _FEWEST_OF_OTHER_MODELS else []
    chosen = of_level or of_model or others
    if not chosen:
        return NO_CORRECTION
    return Correction(
        prompt=_bounded_median([one.prompt for one in chosen]),
        generation=_bounded_median([one.generation for one in chosen]),
    )


def _store() -> JsonStore[tuple[SpeedRatios, ...]]:
    return JsonStore(paths.speeds_file(), tuple[SpeedRatios, ...])


def _ratio(real: float | None, predicted: float) -> float | None:
    return real / predicted if real and math.isfinite(real) and predicted > 0 else None


def _bounded_median(ratios: Iterable[float | None]) -> float:
    known = [ratio for ratio in ratios if ratio is not None and ratio > 0]
    median = statistics.median(known) if known else 1.0
    return min(_LARGEST_CORRECTION, max(1 / _LARGEST_CORRECTION, median))
