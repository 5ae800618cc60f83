"""What is known about the levels of a family, and which of their figures can be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from app.core.events import ModelListed
from app.core.language import tr
from app.core.model_facts import Measured
from app.core.sizes import format_bytes, format_pace
from app.library.model_families import ModelFamily

_REFERENCE_LEVELS = ("F32", "BF16", "F16")


@dataclass(frozen=True)
class MeasuredLevel:
    """A level with its current measurement, if there is one."""

    model: ModelListed
    label: str
    measured: Measured | None

    @property
    def has_measured_types(self) -> bool:
        """True if the types were chosen by measurement, or the rounding corrected."""
        return self.model.header.has_measured_types


@dataclass(frozen=True)
class QualityFigures:
    """Figures of quality that can be compared: the same text, and the same reference, if any.

    `values` are KL divergences from `reference` in nats, or perplexities if that is empty.
    `left_out` are the labels of levels that were measured otherwise.
    """

    values: tuple[tuple[MeasuredLevel, float], ...]
    text: str
    reference: str
    left_out: tuple[str, ...]


def levels_of(family: ModelFamily) -> tuple[MeasuredLevel, ...]:
    """Return the levels of a family, smallest first; outdated measurements don't count."""
    return tuple(
        MeasuredLevel(
            model,
            family.labels[model.path],
            model.measured if model.measured and model.measured.is_current else None,
        )
        for model in family.models
    )


def references_of(family: ModelFamily) -> tuple[ModelListed, ...]:
    """Return the files that can be a reference: those of 16 and 32 bits, the best one first."""
    found = [model for model in family.models if model.level in _REFERENCE_LEVELS]
    return tuple(
        sorted(found, key=lambda model: (_REFERENCE_LEVELS.index(model.level), model.path))
    )


def quality_figures(levels: tuple[MeasuredLevel, ...]) -> QualityFigures | None:
    """Return the figures of the comparison that most levels share, or else their perplexities."""
    compared = [level for level in levels if _divergence(level) is not None]
    if compared:
        usual = _most_common((_of(level).compared_text, _of(level).reference) for level in compared)
        text, reference = usual
        alike = [
            level for level in compared if (_of(level).compared_text, _of(level).reference) == usual
        ]
        values = tuple((level, _divergence(level) or 0.0) for level in alike)
    else:
        compared = [level for level in levels if level.measured and _of(level).perplexity]
        if not compared:
            return None
        text, reference = _most_common((_of(level).text, "") for level in compared)
        alike = [level for level in compared if _of(level).text == text]
        values = tuple((level, _of(level).perplexity or 0.0) for level in alike)
    left_out = tuple(level.label for level in compared if level not in alike)
    return QualityFigures(values, text, reference, left_out)


def exact_words(level: MeasuredLevel) -> tuple[str, ...]:
    """Return a level's exact values, a line each; the first one names it."""
    return tuple(_exact_words(level))


def _exact_words(level: MeasuredLevel) -> Iterator[str]:
    model, measured = level.model, level.measured
    yield level.label
    if level.has_measured_types:
        yield tr("types chosen by measurement")
    bits = f"{model.header.bits_per_weight:.2f}"
    size = format_bytes(model.size_bytes)
    yield tr("{size}, {bits} bits per weight", size=size, bits=bits)
    if measured is not None:
        yield from _quality_words(measured)
        yield from _speed_words(measured)


def _quality_words(measured: Measured) -> Iterator[str]:
    if measured.divergence is not None:
        yield tr("KL divergence {value}", value=f"{measured.divergence:.6f}")
    if measured.top_token_agreement is not None:
        share = f"{measured.top_token_agreement:.2%}"
        yield tr("same most likely token: {share}", share=share)
    if measured.perplexity is not None:
        yield tr("perplexity {value}", value=f"{measured.perplexity:,.4f}")


def _speed_words(measured: Measured) -> Iterator[str]:
    if measured.tokens_per_second is not None:
        yield tr("reply: {pace} tokens/s", pace=pace_words(measured.tokens_per_second, measured))
    if measured.prompt_tokens_per_second is not None:
        pace = pace_words(measured.prompt_tokens_per_second, measured)
        yield tr("prompt: {pace} tokens/s", pace=pace)
    if measured.peak_memory_bytes is not None:
        yield tr("peak memory: {size}", size=format_bytes(measured.peak_memory_bytes))


def pace_words(per_second: float, measured: Measured) -> str:
    """Return a speed, marked as rough if other programs were busy."""
    pace = format_pace(per_second)
    return f"≈ {pace}" if measured.is_disturbed else pace


def _of(level: MeasuredLevel) -> Measured:
    return level.measured or Measured()


def _divergence(level: MeasuredLevel) -> float | None:
    return _of(level).divergence


def _most_common(kinds: Iterator[tuple[str, str]]) -> tuple[str, str]:
    """Return what most levels share; of several, the one that sorts last, to be repeatable."""
    counts = Counter(kinds)
    return max(counts, key=lambda kind: (counts[kind], kind))
