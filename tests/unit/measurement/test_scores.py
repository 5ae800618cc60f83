"""Scores over many positions: perplexity, percentiles, agreement."""

from __future__ import annotations

import math

import numpy as np
import pytest

from app.measurement.scores import Scores

PLACES = 1001


def test_perplexity_is_the_number_of_tokens_when_all_are_equally_likely() -> None:
    scores = Scores()
    scores.add(list(range(8)) * 5, np.zeros((40, 8), np.float32), None)
    assert scores.perplexity == pytest.approx(8)


def test_perplexity_over_several_pieces() -> None:
    scores = Scores()
    logits = np.log(np.array([[1 / 2, 1 / 2], [1 / 8, 7 / 8]], np.float32))
    scores.add([1], logits[:1], None)
    scores.add([0], logits[1:], None)
    assert scores.perplexity == pytest.approx(math.sqrt(2 * 8))


def test_logits_beyond_the_last_token_that_follows_do_not_count() -> None:
    scores = Scores()
    logits = np.log(np.array([[1 / 4, 3 / 4], [1, 1]], np.float32))
    scores.add([0], logits, logits)
    assert scores.perplexity == pytest.approx(4)
    assert scores.divergence
    assert scores.divergence.mean == 0


def test_without_a_reference_there_is_no_divergence() -> None:
    scores = Scores()
    scores.add([0], np.zeros((1, 2), np.float32), None)
    assert scores.divergence is None


def test_the_distribution_of_divergences() -> None:
    # From a fair coin, the divergence of odds e^x is ln((1 + e^x) / 2) - x / 2.
    odds = np.random.default_rng(0).permutation(np.linspace(0, 3, PLACES))
    logits = np.stack([np.zeros(PLACES), odds], axis=1).astype(np.float32)
    scores = Scores()
    scores.add([0] * PLACES, logits, np.zeros((PLACES, 2), np.float32))
    expected = np.sort(np.log((1 + np.exp(odds)) / 2) - odds / 2)
    measured = scores.divergence
    assert measured is not None
    assert measured.mean == pytest.approx(expected.mean(), rel=1e-4)
    assert measured.median == pytest.approx(expected[500], rel=1e-4)
    assert measured.p999 == pytest.approx(expected[999], rel=1e-4)


def test_percentiles_between_two_places_are_interpolated() -> None:
    # As llama-perplexity does: 0.999 of the way from the first to the last of two.
    scores = Scores()
    logits = np.array([[0, 0], [0, 3]], np.float32)
    scores.add([0, 0], logits, np.zeros((2, 2), np.float32))
    largest = math.log((1 + math.exp(3)) / 2) - 1.5
    measured = scores.divergence
    assert measured is not None
    assert measured.median == pytest.approx(largest / 2, rel=1e-5)
    assert measured.p999 == pytest.approx(0.999 * largest, rel=1e-5)


def test_the_share_of_places_with_the_same_likeliest_token() -> None:
    scores = Scores()
    logits = np.array([[0, 1, 2], [2, 1, 0], [0, 5, 0], [3, 0, 1]], np.float32)
    reference = np.array([[0, 1, 9], [1, 2, 0], [0, 1, 0], [1, 0, 0]], np.float32)
    scores.add([0] * 4, logits, reference)
    assert scores.divergence
    assert scores.divergence.top_token_agreement == 3 / 4
