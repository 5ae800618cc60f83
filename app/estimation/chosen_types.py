"""Compare types that were chosen for a size with the plain levels."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.allocation_events import PlainFile, TypesChosen


@dataclass(frozen=True)
class PlainComparison:
    """Chosen types beside plain levels.

    Attributes:
        nearest: The plain level nearest in size; None if none of them could be predicted.
        equal: The best plain level that the chosen types are at least as good as, if any.
        saved: The share of the size of `equal` that they save; negative if they are larger.
    """

    nearest: PlainFile | None
    equal: PlainFile | None
    saved: float


def compared(chosen: TypesChosen) -> PlainComparison:
    """Compare chosen types with the plain levels by their sizes and predicted divergences."""
    nearest = min(
        chosen.plain, key=lambda plain: abs(plain.size_bytes - chosen.size_bytes), default=None
    )
    # Any larger and worse level would do, but the saving would be nobody's choice.
    equal = min(
        (plain for plain in chosen.plain if plain.divergence >= chosen.divergence),
        key=lambda plain: (plain.divergence, plain.size_bytes),
        default=None,
    )
    saved = 1 - chosen.size_bytes / equal.size_bytes if equal is not None else 0.0
    return PlainComparison(nearest, equal, saved)
