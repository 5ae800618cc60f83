"""Describe a plan for a size, and the plain levels beside it."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.allocation_events import PlainFile, TypesChosen
from app.core.compared_words import divergence_figure
from app.core.language import tr
from app.core.sizes import format_bytes
from app.estimation.chosen_types import compared
from app.estimation.grades import grade_of_divergence
from app.gui.levels.level_words import grade_words

_HALF_A_PERCENT = 0.005
_CLEARLY_LESS = 0.8
"""The part of a divergence from which on a smaller one is as good as that."""


@dataclass(frozen=True)
class PlanRow:
    """A file in words: its name, its size, its grade, and its mean KL divergence."""

    name: str
    size: str
    grade: str
    divergence: str


def plan_rows(chosen: TypesChosen) -> tuple[PlanRow, ...]:
    """Return the planned file, the level nearest in size, and the one of equal quality."""
    found = compared(chosen)
    rows = [_row(tr("This file"), chosen.size_bytes, chosen.divergence)]
    if found.nearest is not None:
        name = tr("{level}, nearest in size", level=found.nearest.level)
        if found.equal == found.nearest:
            name = tr("{level}, nearest in size and quality", level=found.equal.level)
        rows.append(_row(name, found.nearest.size_bytes, found.nearest.divergence))
    if found.equal is not None and found.equal != found.nearest:
        is_equal, level = _is_equal(chosen, found.equal), found.equal.level
        equal = tr("{level}, equal quality", level=level)
        name = equal if is_equal else tr("{level}, next in quality", level=level)
        rows.append(_row(name, found.equal.size_bytes, found.equal.divergence))
    return tuple(rows)


def plan_sentence(chosen: TypesChosen) -> str:
    """Return what is gained over the plain level of equal quality; empty if there is none."""
    found = compared(chosen)
    if found.equal is None:
        return ""
    level, saved = found.equal.level, found.saved
    if abs(saved) < _HALF_A_PERCENT:
        spared = _percent(1 - chosen.divergence / found.equal.divergence)
        return tr(
            "{percent}% less divergence than {level} of the same size", percent=spared, level=level
        )
    percent = _percent(abs(saved))
    if not _is_equal(chosen, found.equal):
        smaller = tr("Better than {level}, {percent}% smaller", level=level, percent=percent)
        larger = tr("Better than {level}, {percent}% larger", level=level, percent=percent)
    else:
        smaller = tr("As good as {level}, {percent}% smaller", level=level, percent=percent)
        larger = tr("As good as {level}, {percent}% larger", level=level, percent=percent)
    return smaller if saved > 0 else larger


def exact_size(chosen: TypesChosen) -> str:
    """Return the exact size of the file and its average bits."""
    return tr(
        "{bytes} bytes · {bits} bits per weight",
        bytes=f"{chosen.size_bytes:,}",
        bits=f"{chosen.bits_per_weight:.2f}",
    )


def _is_equal(chosen: TypesChosen, plain: PlainFile) -> bool:
    return chosen.divergence > _CLEARLY_LESS * plain.divergence


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"


def _row(name: str, size_bytes: int, divergence: float) -> PlanRow:
    grade = grade_words(grade_of_divergence(divergence))
    return PlanRow(name, format_bytes(size_bytes), grade, divergence_figure(divergence))
