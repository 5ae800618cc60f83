"""Levels of a made-up model with made-up results."""

from __future__ import annotations

from app.core.events import ModelListed
from app.core.model_facts import Measured, ModelFacts
from app.gui.pages.measure.measured_levels import MeasuredLevel, levels_of
from app.library.model_families import model_families

WIKI, BOOK = "40 × 512 tokens of wiki.txt (abababab)", "8 × 512 tokens of book.txt (cdcdcdcd)"
COMPARED = Measured(
    perplexity=7.25,
    tokens_per_second=41.7,
    divergence=0.0123456789,
    median_divergence=0.004,
    p999_divergence=1.5,
    top_token_agreement=0.9512,
    prompt_tokens_per_second=1234.5,
    peak_memory_bytes=5_000_000_000,
    text=WIKI,
    compared_text=WIKI,
    reference="Grain-F16.gguf",
    date="2026-11-29",
)


def listed(
    level: str,
    measured: Measured | None = COMPARED,
    *,
    is_ours: bool = False,
    size_bytes: int = 4_000_000_000,
    folder: str = "/m",
) -> ModelListed:
    return ModelListed(
        f"{folder}/Grain-{level}.gguf",
        *("Grain", level, "llama", size_bytes, 8_000_000_000, 8192),
        header=ModelFacts(bits_per_weight=4.85, has_measured_types=is_ours),
        measured=measured,
    )


def levels(*models: ModelListed) -> tuple[MeasuredLevel, ...]:
    (family,) = model_families(models)
    return levels_of(family)
