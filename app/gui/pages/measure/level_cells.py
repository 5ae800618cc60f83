"""Describe the results of a level, cell by cell."""

from __future__ import annotations

from app.core.events import ModelListed
from app.core.language import tr
from app.core.model_facts import Measured
from app.core.sizes import format_bytes, format_gibibytes, format_perplexity
from app.gui.levels.level_words import Cell
from app.gui.pages.measure.measured_levels import MeasuredLevel, exact_words, pace_words

_NOTHING = "–"


def result_cells(level: MeasuredLevel, *, is_reference: bool) -> tuple[Cell, ...]:
    """Return the cells of a row: level, size, divergence, perplexity, speed, memory, date."""
    model, measured = level.model, level.measured or Measured()
    return (
        _level_cell(level, is_reference=is_reference),
        _size_cell(model),
        _divergence_cell(measured),
        _perplexity_cell(measured),
        _speed_cell(measured),
        _memory_cell(measured),
        _date_cell(model),
    )


def _level_cell(level: MeasuredLevel, *, is_reference: bool) -> Cell:
    marks = [tr("reference")] if is_reference else []
    marks += [tr("measured types")] if level.has_measured_types else []
    return Cell(
        level.label,
        ", ".join(marks),
        short=tr("measured") if level.has_measured_types else ", ".join(marks),
        tool_tip="\n".join((*exact_words(level), level.model.path)),
        spoken=", ".join((level.label, *marks)),
        caption_tone="accent" if level.has_measured_types else "muted",
    )


def _size_cell(model: ModelListed) -> Cell:
    size, bits = format_bytes(model.size_bytes), f"{model.header.bits_per_weight:.2f}"
    words = tr("{bits} bits per weight", bits=bits)
    exact = tr(
        "exactly {bytes} bytes, {size}",
        bytes=f"{model.size_bytes:,}",
        size=format_gibibytes(model.size_bytes),
    )
    short = tr("{bits} bits", bits=bits)
    return Cell(size, short, tool_tip=f"{exact}\n{words}", spoken=f"{size}, {words}")


def _divergence_cell(measured: Measured) -> Cell:
    if measured.divergence is None:
        return _not_measured(tr("Not compared with a reference"))
    lines = [tr("mean KL divergence from {name}, in nats", name=measured.reference)]
    if measured.median_divergence is not None:
        lines.append(tr("median: {value}", value=f"{measured.median_divergence:.6f}"))
    if measured.p999_divergence is not None:
        lines.append(tr("99.9th percentile: {value}", value=f"{measured.p999_divergence:.6f}"))
    lines.append(measured.compared_text)
    agreement = measured.top_token_agreement or 0.0
    same = tr("same token: {share}", share=f"{agreement:.1%}")
    value = divergence_words(measured.divergence)
    return Cell(
        value,
        same,
        short=f"{agreement:.1%}",
        tool_tip="\n".join((f"{measured.divergence:.6f}", *lines, same)),
        spoken=f"{value}, {same}",
    )


def divergence_words(divergence: float) -> str:
    """Return a divergence with three significant digits, and never in powers of ten."""
    if divergence == 0:
        return "0"
    decimals = next((count for count in range(2, 7) if divergence >= 10.0 ** (2 - count)), 7)
    return f"{divergence:.{decimals}f}" if divergence >= 1e-7 else "< 0.0000001"  # noqa: PLR2004


def _perplexity_cell(measured: Measured) -> Cell:
    if measured.perplexity is None:
        return _not_measured(tr("Not measured"))
    value = format_perplexity(measured.perplexity)
    return Cell(value, tool_tip=f"{measured.perplexity:,.6f}\n{measured.text}", spoken=value)


def _speed_cell(measured: Measured) -> Cell:
    if measured.tokens_per_second is None:
        return _not_measured(tr("Not measured"))
    reply = pace_words(measured.tokens_per_second, measured)
    prompt = pace_words(measured.prompt_tokens_per_second or 0.0, measured)
    about = tr("{reply} tokens/s of a reply, {prompt} of a prompt", reply=reply, prompt=prompt)
    if measured.is_disturbed:
        about += "\n" + tr("Other programs kept the processors busy meanwhile.")
    return Cell(
        f"{reply} t/s",
        tr("prompt: {pace}", pace=prompt),
        short=prompt,
        tool_tip=about,
        spoken=about,
    )


def _memory_cell(measured: Measured) -> Cell:
    if measured.peak_memory_bytes is None:
        return _not_measured(tr("Not measured"))
    size = format_bytes(measured.peak_memory_bytes)
    return Cell(size, tool_tip=format_gibibytes(measured.peak_memory_bytes), spoken=size)


def _date_cell(model: ModelListed) -> Cell:
    measured = model.measured
    if measured is None:
        return _not_measured(tr("Not measured"))
    date = measured.date or _NOTHING
    if measured.is_current:
        return Cell(date, spoken=measured.date or tr("unknown"))
    words = tr("The file has changed since, so its figures no longer count.")
    return Cell(
        date,
        tr("changed since"),
        short=tr("changed"),
        tool_tip=words,
        spoken=f"{measured.date} {words}",
        caption_tone="warning",
    )


def _not_measured(words: str) -> Cell:
    return Cell(_NOTHING, tool_tip=words, spoken=words, tone="muted")
