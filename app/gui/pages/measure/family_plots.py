"""The plots of a family: quality against size, speed, and memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.core.language import tr
from app.core.model_facts import Measured
from app.core.sizes import GIGABYTE, KILOBYTE, MEGABYTE, format_bytes
from app.gui.pages.measure.measured_levels import (
    MeasuredLevel,
    QualityFigures,
    exact_words,
    pace_words,
)
from app.gui.plots.bar_figure import BarFigure
from app.gui.plots.plotted_values import MarkWords, PlotBar, PlotPoint
from app.gui.plots.scatter_figure import ScatterFigure


def quality_plot(quality: QualityFigures) -> ScatterFigure:
    """Return the plot of quality against size, with the line of levels that none beats."""
    largest = max(level.model.size_bytes for level, _ in quality.values)
    unit, words = _unit(largest)
    points = [
        PlotPoint(
            level.label,
            level.model.size_bytes / unit,
            value,
            exact_words(level),
            is_marked=level.has_measured_types,
        )
        for level, value in quality.values
    ]
    if quality.reference:
        title = tr("KL divergence from {name}, nats (less is better)", name=quality.reference)
    else:
        title = tr("Perplexity (less is better)")
    return ScatterFigure(
        tr("Quality against size"),
        tr("File size, {unit}", unit=words),
        title,
        points,
        _mark_words(tr("Pareto line: no smaller file is as good")),
    )


def speed_plots(levels: Sequence[MeasuredLevel]) -> list[BarFigure]:
    """Return the plots of the speeds of replies and prompts, as far as they were measured."""

    def pace(of: Callable[[Measured], float | None]) -> Callable[[Measured], str]:
        return lambda measured: pace_words(of(measured) or 0.0, measured)

    def reply(measured: Measured) -> float | None:
        return measured.tokens_per_second

    def prompt(measured: Measured) -> float | None:
        return measured.prompt_tokens_per_second

    return [
        *_bars(
            levels,
            tr("Speed of replies"),
            tr("Tokens/s (more is better)"),
            reply,
            pace(reply),
        ),
        *_bars(
            levels,
            tr("Speed of prompts"),
            tr("Tokens/s (more is better)"),
            prompt,
            pace(prompt),
        ),
    ]


def memory_plots(levels: Sequence[MeasuredLevel]) -> list[BarFigure]:
    """Return the plot of the peak memory, if it was measured."""

    def peak(measured: Measured) -> float | None:
        return measured.peak_memory_bytes

    return _bars(
        levels,
        tr("Peak memory"),
        tr("Main memory (less is better)"),
        peak,
        lambda measured: format_bytes(measured.peak_memory_bytes or 0),
    )


def _bars(
    levels: Sequence[MeasuredLevel],
    name: str,
    title: str,
    value_of: Callable[[Measured], float | None],
    in_words: Callable[[Measured], str],
) -> list[BarFigure]:
    bars = [
        PlotBar(
            level.label,
            value,
            in_words(level.measured),
            exact_words(level),
            is_marked=level.has_measured_types,
        )
        for level in levels
        if level.measured is not None and (value := value_of(level.measured)) is not None
    ]
    return [BarFigure(name, title, bars, _mark_words())] if bars else []


def _mark_words(line: str = "") -> MarkWords:
    return MarkWords(tr("usual types"), tr("types chosen by measurement"), line)


def _unit(size_bytes: int) -> tuple[int, str]:
    if size_bytes >= GIGABYTE:
        return GIGABYTE, "GB"
    return (MEGABYTE, "MB") if size_bytes >= MEGABYTE else (KILOBYTE, "kB")
