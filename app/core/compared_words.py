"""Describe the measured quality of a file beside that of a plain level."""

from __future__ import annotations

from app.core.allocation_events import ComparedQuality, FileCompared
from app.core.language import tr
from app.core.sizes import format_bytes, format_perplexity

_LEAST_SHOWN = 0.00005


def compared_in_words(compared: FileCompared) -> str:
    """Return the measured quality of the file, of the plain level and of the source, by lines."""
    file, plain = compared.file, compared.plain
    size, plain_size = format_bytes(file.size_bytes), format_bytes(plain.size_bytes)
    lines = (
        tr("Measured on {tokens} tokens that it was not made with:", tokens=compared.tokens),
        tr("This file ({size}): {quality}", size=size, quality=_quality(file)),
        tr(
            "Plain {level} ({size}): {quality}",
            level=compared.level,
            size=plain_size,
            quality=_quality(plain),
        ),
        tr("Original: perplexity {value}", value=format_perplexity(compared.perplexity)),
    )
    return "\n".join(lines)


def divergence_figure(divergence: float) -> str:
    """Return a mean KL divergence with two digits or more; one close to 0 as an upper bound."""
    if divergence < _LEAST_SHOWN:
        return "< 0.0001"
    return f"{divergence:.2g}" if divergence >= 20 * _LEAST_SHOWN else f"{divergence:.4f}"


def _quality(quality: ComparedQuality) -> str:
    return tr(
        "KL divergence {divergence} · same top token {share} · perplexity {perplexity}",
        divergence=divergence_figure(quality.divergence),
        share=f"{quality.top_token_agreement:.1%}",
        perplexity=format_perplexity(quality.perplexity),
    )
