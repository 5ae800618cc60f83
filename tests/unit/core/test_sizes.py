"""Sizes and durations as people read them."""

from __future__ import annotations

import pytest

from app.core.sizes import (
    format_bytes,
    format_duration,
    format_gibibytes,
    format_pace,
    format_perplexity,
    format_weights,
)


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 B"),
        (7, "7 B"),
        (999, "999 B"),
        (999.6, "1 kB"),
        (1_000, "1 kB"),
        (12_345, "12 kB"),
        (999_499, "999 kB"),
        (999_600, "1 MB"),
        (98_000_000, "98 MB"),
        (999_999_999, "1.00 GB"),
        (4_080_000_000, "4.08 GB"),
        (1_234_560_000_000, "1,234.56 GB"),
    ],
)
def test_bytes(size: float, shown: str) -> None:
    assert format_bytes(size) == shown


def test_gibibytes() -> None:
    assert format_gibibytes(4_080_218_931) == "3.80 GiB"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-3, "0 s"),
        (0.4, "0 s"),
        (8, "8 s"),
        (59.6, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3599.7, "1 h 00 min"),
        (4800, "1 h 20 min"),
        (200_000, "55 h 33 min"),
    ],
)
def test_durations(seconds: float, shown: str) -> None:
    assert format_duration(seconds) == shown


@pytest.mark.parametrize(
    ("pace", "shown"),
    [(0.42, "0.4"), (3.0, "3"), (3.14, "3.1"), (9.96, "10"), (41.3, "41"), (1934.2, "1,934")],
)
def test_paces(pace: float, shown: str) -> None:
    assert format_pace(pace) == shown


def test_perplexities() -> None:
    assert format_perplexity(3348.18649) == "3,348.186"


@pytest.mark.parametrize(
    ("count", "shown"), [(40_000, "40 k"), (134_515_008, "135 M"), (8.03e9, "8.0 B")]
)
def test_weights(count: float, shown: str) -> None:
    assert format_weights(count) == shown
