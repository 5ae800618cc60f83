from __future__ import annotations

import pytest

from app.gui.levels.compared_words import compared_in_words, divergence_figure
from tests.support.comparisons import BETTER


@pytest.mark.parametrize(
    ("divergence", "figure"),
    [(0.31234, "0.31"), (0.0123, "0.012"), (0.0016, "0.0016"), (0.0004, "0.0004"), (0, "< 0.0001")],
)
def test_divergences_have_two_digits(divergence: float, figure: str) -> None:
    assert divergence_figure(divergence) == figure


def test_a_measured_quality_stands_beside_that_of_the_level() -> None:
    assert compared_in_words(BETTER) == (
        "Measured on 2,048 tokens that it was not made with: KL divergence 0.012, the same top "
        "token 95.4%, perplexity 9.10. IQ4_XS (560 MB): 0.041, 90.0%, 9.50. The original: "
        "perplexity 9.00."
    )
