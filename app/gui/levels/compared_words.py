"""Describe the measured quality of a file beside that of a plain level."""

from __future__ import annotations

from app.core.allocation_events import FileCompared
from app.core.language import tr
from app.core.sizes import format_bytes

_LEAST_SHOWN = 0.00005


def compared_in_words(compared: FileCompared) -> str:
    """Return the measured quality of the file, of the plain level and of the source."""
    file, plain = compared.file, compared.plain
    return tr(
        "Measured on {tokens} tokens that it was not made with: KL divergence {file}, the same top "
        "token {same}, perplexity {perplexity}. {level} ({size}): {plain}, {plain_same}, "
        "{plain_perplexity}. The original: perplexity {original}.",
        tokens=compared.tokens,
        file=divergence_figure(file.divergence),
        same=f"{file.top_token_agreement:.1%}",
        perplexity=f"{file.perplexity:.2f}",
        level=compared.level,
        size=format_bytes(plain.size_bytes),
        plain=divergence_figure(plain.divergence),
        plain_same=f"{plain.top_token_agreement:.1%}",
        plain_perplexity=f"{plain.perplexity:.2f}",
        original=f"{compared.perplexity:.2f}",
    )


def divergence_figure(divergence: float) -> str:
    """Return a mean KL divergence with two digits or more; one close to 0 as an upper bound."""
    if divergence < _LEAST_SHOWN:
        return "< 0.0001"
    return f"{divergence:.2g}" if divergence >= 20 * _LEAST_SHOWN else f"{divergence:.4f}"
