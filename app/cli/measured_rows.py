"""Rows about files that are made by measuring the model."""

from __future__ import annotations

from collections.abc import Iterator

from app.core.allocation_events import (
    FileCompared,
    MeasuringPlanned,
    RoundingCorrected,
    ScalesTuned,
    TypesChosen,
)
from app.core.compared_words import compared_in_words
from app.core.language import tr, tr_count
from app.core.sentences import describe_measuring
from app.core.sizes import format_bytes

Measured = MeasuringPlanned | TypesChosen | RoundingCorrected | ScalesTuned | FileCompared


def measured_rows(event: Measured) -> str:
    """Return an event as lines with columns."""
    match event:
        case MeasuringPlanned():
            return describe_measuring(event)
        case TypesChosen():
            return "\n".join(_chosen_rows(event))
        case RoundingCorrected(tried, accepted):
            return tr(
                "Corrected the rounding of {accepted} of {tried} matrices.",
                accepted=accepted,
                tried=tried,
            )
        case ScalesTuned(before, after):
            return _tuned_row(before, after)
        case FileCompared():
            return compared_in_words(event)


def _tuned_row(before: float, after: float) -> str:
    if after >= before:
        return tr("Tuned scales and norms are not better on held-out text; they stay as they were.")
    return tr(
        "Tuned scales and norms: mean KL divergence on held-out text {before} before, {after} now.",
        before=f"{before:.4f}",
        after=f"{after:.4f}",
    )


def exact_bytes(size_bytes: int) -> str:
    """Return a size to the byte, for a column."""
    return tr("{size} bytes", size=f"{size_bytes:>16,}")


def _chosen_rows(chosen: TypesChosen) -> Iterator[str]:
    """Yield the types of each kind of tensor, then the file among the plain levels, by size."""
    for share in chosen.shares:
        count = tr_count("1 tensor", "{count} tensors", share.tensors)
        yield f"{share.kind:<24}{share.type:<8}{count:>14}  {format_bytes(share.size_bytes):>9}"
    files = [(plain.size_bytes, plain.level, plain.divergence) for plain in chosen.plain]
    files.append((chosen.size_bytes, tr("this file"), chosen.divergence))
    yield tr("Predicted mean KL divergence:")
    for size_bytes, name, divergence in sorted(files):
        size = f"{exact_bytes(size_bytes)}  {format_bytes(size_bytes):>9}"
        yield f"{name:<10}{size}  {divergence:.4f}"
