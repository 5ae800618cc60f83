"""What the converter's failures are called."""

from __future__ import annotations

import pytest

from app.conversion.converter_errors import _in_words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyError("rotary_pct"), "it finds no “rotary_pct” in config.json"),
        (KeyError("could not find any of: ['n_ctx']"), "could not find any of: ['n_ctx']"),
        (KeyError(), "KeyError"),
        (ValueError("first\nsecond"), "first"),
        (AssertionError(), "the weights are not of the form that it expects"),
    ],
)
def test_a_failure_is_one_line(error: Exception, words: str) -> None:
    assert _in_words(error) == words
