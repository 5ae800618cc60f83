from __future__ import annotations

import pytest

from app.core.compared_words import compared_in_words, divergence_figure
from tests.support.comparisons import BETTER


@pytest.mark.parametrize(
    ("divergence", "figure"),
    [(0.31234, "0.31"), (0.0123, "0.012"), (0.0016, "0.0016"), (0.0004, "0.0004"), (0, "< 0.0001")],
)
def test_divergences_have_two_digits(divergence: float, figure: str) -> None:
    assert divergence_figure(divergence) == figure


def test_a_measured_quality_stands_beside_that_of_the_level() -> None:
    assert compared_in_words(BETTER) == (
        "Measured on 2,048 tokens that it was not made with:\n"
        "This file (549 MB): KL divergence 0.012 · same top token 95.4% · perplexity 9.100\n"
        "Plain IQ4_XS (560 MB): KL divergence 0.041 · same top token 90.0% · perplexity 9.500\n"
        "Original: perplexity 9.000"
    )
