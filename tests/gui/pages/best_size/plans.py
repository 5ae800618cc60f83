"""Plans and planned levels of a made-up model."""

from __future__ import annotations

from app.core.allocation_events import ChosenShare, PlainFile, TypesChosen
from app.core.events import LevelPlanned
from tests.support.profiles import BITS, MB

WEIGHTS, HEADER_BYTES = 1_000_000_000, 2_000_000
PLAIN = (
    PlainFile("Q3_K_M", 500 * MB, 0.1),
    PlainFile("IQ4_XS", 560 * MB, 0.04),
    PlainFile("Q4_K_M", 610 * MB, 0.03),
    PlainFile("Q4_1", 640 * MB, 0.05),
    PlainFile("Q5_K_M", 710 * MB, 0.01),
)


def planned(*levels: str, weights: int = WEIGHTS) -> list[LevelPlanned]:
    """Return levels of exactly as many bits as usual."""
    return [
        LevelPlanned(level, HEADER_BYTES + round(weights * BITS[level] / 8), BITS[level], "")
        for level in levels
    ]


def chosen(
    size_bytes: int,
    divergence: float,
    *shares: ChosenShare,
    plain: tuple[PlainFile, ...] = PLAIN,
) -> TypesChosen:
    """Return a plan beside plain levels."""
    return TypesChosen(
        target="/models/made-4.25bpw-Q4_K_M.gguf",
        level="Q4_K_M",
        size_bytes=size_bytes,
        bits_per_weight=4.25,
        divergence=divergence,
        shares=shares,
        plain=plain,
    )
