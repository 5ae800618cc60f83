"""Reasons for missing gradients, from what other code raised."""

from __future__ import annotations

import pytest

from app.sensitivity.unavailable import first_sentence


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            ValueError("It needs version 4.57.1 or later. See the page."),
            "It needs version 4.57.1 or later",
        ),
        (RuntimeError("\nSizes differ\n  at line 3"), "Sizes differ"),
        (KeyError("rotary_pct"), "'rotary_pct'"),
        (AttributeError(), "AttributeError"),
    ],
)
def test_the_first_sentence_is_the_reason(error: Exception, sentence: str) -> None:
    assert first_sentence(error) == sentence
