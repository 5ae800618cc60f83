"""Qualities of made-up files beside plain levels."""

from __future__ import annotations

from app.core.allocation_events import ComparedQuality, FileCompared

BETTER = FileCompared(
    file=ComparedQuality(549_000_000, 0.0123, 0.954, 9.1),
    level="IQ4_XS",
    plain=ComparedQuality(560_000_000, 0.041, 0.9, 9.5),
    perplexity=9.0,
    tokens=2048,
)
NO_BETTER = FileCompared(
    file=ComparedQuality(549_000_000, 0.042, 0.954, 9.1),
    level="Q4_0",
    plain=ComparedQuality(550_000_000, 0.041, 0.9, 9.5),
    perplexity=9.0,
    tokens=2048,
)
