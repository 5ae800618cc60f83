"""The results of a family as CSV: raw numbers, with the units in the header.

The names of the columns are for programs, and the same in every language.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from app.core.model_facts import Measured
from app.gui.pages.measure.measured_levels import MeasuredLevel

_HEADER = (
    "level",
    "file",
    "has_measured_types",
    "size_bytes",
    "bits_per_weight",
    "kl_divergence_mean_nats",
    "kl_divergence_median_nats",
    "kl_divergence_p999_nats",
    "top_token_agreement_share",
    "perplexity",
    "prompt_tokens_per_second",
    "generation_tokens_per_second",
    "is_speed_disturbed",
    "peak_memory_bytes",
    "reference",
    "kl_divergence_text",
    "perplexity_text",
    "measured_on",
)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def results_csv(levels: tuple[MeasuredLevel, ...]) -> bytes:
    """Return the table in UTF-8 with a byte-order mark, which spreadsheets need to see that.

    Measurements of files that have changed since are left out; their cells are empty.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_HEADER)
    for level in levels:
        writer.writerow(_row(level))
    return text.getvalue().encode("utf-8-sig", "replace")


def _row(level: MeasuredLevel) -> tuple[object, ...]:
    model, measured = level.model, level.measured or Measured()
    has_speed = measured.tokens_per_second is not None
    return (
        _literal(level.label),
        _literal(Path(model.path).name),
        _yes(is_so=level.has_measured_types),
        model.size_bytes,
        model.header.bits_per_weight,
        measured.divergence,
        measured.median_divergence,
        measured.p999_divergence,
        measured.top_token_agreement,
        measured.perplexity,
        measured.prompt_tokens_per_second,
        measured.tokens_per_second,
        _yes(is_so=measured.is_disturbed) if has_speed else None,
        measured.peak_memory_bytes,
        _literal(measured.reference),
        _literal(measured.compared_text),
        _literal(measured.text),
        measured.date,
    )


def _yes(*, is_so: bool) -> str:
    return "yes" if is_so else "no"


def _literal(text: str) -> str:
    """Keep a spreadsheet from taking the name of a stranger's file for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
