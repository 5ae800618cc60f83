"""Describe a level, cell by cell, in words and bars."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from app.core.device_memory import PROCESSOR
from app.core.events import LevelPlanned
from app.core.language import tr, tr_count
from app.core.levels import level_named
from app.core.sizes import format_bytes, format_gibibytes, format_pace
from app.estimation.fit import Plan
from app.estimation.grades import Grade, grade_of
from app.estimation.placement import free_bytes, is_in_ram
from app.estimation.predictions import LevelPrediction
from app.estimation.quality import divergence_in_words
from app.estimation.speed_caveats import MEASURED_WHILE_BUSY
from app.gui.theme.icons import IconName

BarKind = Literal["size", "weights", "kv", "compute"]
CellTone = Literal["plain", "muted", "accent", "success", "warning", "danger"]
WAITING = "…"
_TIGHT = 0.2
"""The part of the memory that is left when it is worth saying how much that is."""


@dataclass(frozen=True)
class Bar:
    """Parts from the left, and marks, as fractions of the width."""

    parts: tuple[tuple[BarKind, float], ...]
    marks: tuple[float, ...] = ()


@dataclass(frozen=True)
class Cell:
    """A line, and below it a smaller line or a bar; `spoken` is all of it for screen readers.

    The `short` caption replaces the other in the whole column if any of them doesn't fit.
    """

    text: str = ""
    caption: str = ""
    short: str = ""
    tool_tip: str = ""
    spoken: str = ""
    icon: IconName | None = None
    tone: CellTone = "plain"
    caption_tone: CellTone = "muted"
    bar: Bar | None = None


def level_cell(planned: LevelPlanned, *, is_recommended: bool, file_exists: bool) -> Cell:
    """Return the cell of the name; it says if the level is recommended or exists already."""
    marks = [tr("Recommended")] if is_recommended else []
    there = [tr("exists")] if file_exists else []
    spoken = ", ".join([planned.level, *marks, *there])
    return Cell(
        text=planned.level,
        caption=", ".join((*marks, *there)),
        tool_tip=f"{spoken}\n{planned.target}" if file_exists else spoken,
        spoken=spoken,
        icon="done" if file_exists and is_recommended else None,
        caption_tone="accent" if is_recommended else "muted",
    )


def size_cell(planned: LevelPlanned, largest_bytes: int) -> Cell:
    """Return the cell of the exact file size, as a bar relative to the largest level."""
    words = tr(
        "exactly {bytes} bytes, {size}",
        bytes=f"{planned.size_bytes:,}",
        size=format_gibibytes(planned.size_bytes),
    )
    bits = tr("{bits} bits per weight", bits=f"{planned.bits_per_weight:.2f}")
    size = format_bytes(planned.size_bytes)
    return Cell(
        text=size,
        tool_tip=f"{words}\n{bits}",
        spoken=f"{size}, {bits}",
        bar=Bar((("size", planned.size_bytes / max(1, largest_bytes)),)),
    )


def prediction_cells(
    planned: LevelPlanned, row: LevelPrediction | None, problem: str
) -> tuple[Cell, ...]:
    """Return the cells of memory, fit, speed and quality; without a prediction they say why."""
    plan = row.plan if row else None
    if row is None or plan is None:
        missing = _missing((row.problem if row else "") or problem)
        quality = quality_cell(planned.level, row)
        return (missing, missing, _speed_cell(row), quality)
    return (
        _memory_cell(plan, is_exact=row.profile.is_exact),
        _fit_cell(plan),
        _speed_cell(row),
        quality_cell(planned.level, row),
    )


def fit_words(row: LevelPrediction) -> str:
    """Return the words of the cell of the fit; empty if it is unknown."""
    if row.plan is None:
        return ""
    cell = _fit_cell(row.plan)
    return ", ".join(filter(None, (cell.text, cell.caption)))


def quality_cell(level: str, row: LevelPrediction | None) -> Cell:
    """Return the cell of the quality: the grade and the divergence, or a published figure."""
    description = level_named(level).description
    quality = row.quality if row else None
    grade = grade_of(row) if row else None
    if quality is None or grade is None:
        text, _, caption = description.partition("; ")
        return Cell(text, caption, tool_tip=description, spoken=description)
    words = grade_words(grade)
    band = divergence_in_words(quality)
    kind = {
        "typical": tr("typical"),
        "probed": tr("from this model's weights"),
        "measured": tr("measured"),
    }[quality.kind]
    about = tr(
        "mean KL divergence {band}, {kind}; {source}", band=band, kind=kind, source=quality.source
    )
    short = {"typical": kind, "probed": tr("probed"), "measured": kind}[quality.kind]
    return Cell(
        text=words,
        caption=f"KL {band} ({short})",
        short=f"KL {band}",
        tool_tip=f"{description}\n{about}",
        spoken=f"{words}, {about}",
    )


def grade_words(grade: Grade) -> str:
    """Return a grade of quality in words."""
    return {
        Grade.NEARLY_LOSSLESS: tr("Nearly lossless"),
        Grade.GOOD: tr("Good"),
        Grade.NOTICEABLE_LOSS: tr("Noticeable loss"),
        Grade.CLEARLY_WORSE: tr("Clearly worse"),
    }[grade]


def _missing(problem: str) -> Cell:
    if not problem:
        return Cell(WAITING, tool_tip=tr("in progress"), spoken=tr("in progress"))
    words = tr("unknown")
    return Cell(words, tool_tip=problem, spoken=f"{words}: {problem}", tone="muted")


def _memory_cell(plan: Plan, *, is_exact: bool) -> Cell:
    total = sum(part.total_bytes for part in plan.memory.values())
    size = format_bytes(total) if is_exact else f"≈ {format_bytes(total)}"
    lines = list(_memory_lines(plan))
    return Cell(
        text=size, tool_tip="\n".join(lines), spoken=f"{size}; {'; '.join(lines)}", bar=_bar(plan)
    )


def _memory_lines(plan: Plan) -> Iterator[str]:
    free = free_bytes(plan.machine)
    for name, part in plan.memory.items():
        yield tr(
            "{place}: weights {weights}, KV cache {kv}, compute {compute}; {free} free",
            place=tr("RAM") if name == PROCESSOR else name,
            weights=format_bytes(part.weights_bytes),
            kv=format_bytes(part.kv_bytes),
            compute=format_bytes(part.compute_bytes),
            free=format_bytes(free.get(name, 0)),
        )


def _bar(plan: Plan) -> Bar:
    """Return the bar of needed and free memory, with a mark between devices and RAM."""
    free = free_bytes(plan.machine)
    own = sum(free[device.name] for device in plan.machine.devices if not is_in_ram(device))
    room = own + free[PROCESSOR]
    parts = plan.memory.values()
    sizes: tuple[tuple[BarKind, int], ...] = (
        ("weights", sum(part.weights_bytes for part in parts)),
        ("kv", sum(part.kv_bytes for part in parts)),
        ("compute", sum(part.compute_bytes for part in parts)),
    )
    whole = max(room, sum(size for _, size in sizes), 1)
    marks = [own / whole] if own else []
    marks += [room / whole] if room < whole else []
    return Bar(tuple((kind, size / whole) for kind, size in sizes), tuple(marks))


def _fit_cell(plan: Plan) -> Cell:
    is_tight = plan.spare_bytes < _TIGHT * (plan.spare_bytes + plan.total_bytes)
    spare = tr("{size} to spare", size=format_bytes(plan.spare_bytes)) if is_tight else ""
    if plan.verdict == "too_large":
        missing = tr("{size} missing", size=format_bytes(plan.missing_bytes))
        return _verdict(plan, tr("Too large"), missing, "error", "danger")
    if plan.verdict == "on_devices":
        count = len(plan.layers)
        words = tr_count("All on the GPU", "All on {count} GPUs", count)
        return _verdict(plan, words, spare, "check", "success")
    if plan.verdict == "on_processor":
        icon: IconName = "memory" if plan.machine.devices else "check"
        return _verdict(plan, tr("In RAM"), spare, icon, "success" if icon == "check" else "muted")
    if plan.experts_on_cpu:
        place = tr("{count} layers' experts in RAM", count=str(plan.experts_on_cpu))
    else:
        layers = plan.need.layers + 1
        place = tr("{count} of {layers} layers on GPU", count=plan.gpu_layers, layers=layers)
    return _verdict(plan, tr("GPU and RAM"), place, "memory", "warning")


def _verdict(plan: Plan, text: str, caption: str, icon: IconName, tone: CellTone) -> Cell:
    spoken = f"{text}, {caption}. {plan.sentence}" if caption else f"{text}. {plan.sentence}"
    tool_tip = "\n".join([plan.sentence, *_memory_lines(plan)])
    return Cell(text, caption, tool_tip=tool_tip, spoken=spoken, icon=icon, tone=tone)


def _speed_cell(row: LevelPrediction | None) -> Cell:
    speed = row.speed if row else None
    if speed is None:
        return _missing(row.speed_problem if row else "")
    reply = f"≈ {format_pace(speed.generation_tokens_per_second)} t/s"
    about = tr(
        "predicted: {reply} tokens per second of a reply, {prompt} of a prompt",
        reply=format_pace(speed.generation_tokens_per_second),
        prompt=format_pace(speed.prompt_tokens_per_second),
    )
    if not speed.is_disturbed:
        return Cell(reply, tool_tip=about, spoken=about)
    about = f"{about}; {MEASURED_WHILE_BUSY}"
    return Cell(reply, tool_tip=about, spoken=about)


def ends(bar: Bar) -> Iterator[tuple[BarKind, float, float]]:
    """Return each part of a bar with its start and end."""
    stops = list(accumulate((part for _, part in bar.parts), initial=0.0))
    for (kind, _), begin, end in zip(bar.parts, stops, stops[1:], strict=False):
        yield kind, begin, end
