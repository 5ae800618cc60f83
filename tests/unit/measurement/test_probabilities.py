"""Probabilities and divergences against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from app.measurement.probabilities import Floats, kl_divergences, log_softmax


def logarithms(*rows: tuple[float, ...]) -> Floats:
    with np.errstate(divide="ignore"):
        return np.log(np.array(rows, np.float32))


def test_logits_become_logarithms_of_probabilities() -> None:
    logits = np.array([[0, math.log(3)], [5, 5]], np.float32)
    expected = logarithms((0.25, 0.75), (0.5, 0.5))
    np.testing.assert_allclose(log_softmax(logits), expected, rtol=1e-6)


def test_large_logits_are_no_trouble() -> None:
    logits = np.array([[1e4, 1e4 + math.log(3), -1e4]], np.float32)
    expected = np.log([0.25, 0.75])
    np.testing.assert_allclose(log_softmax(logits)[0, :2], expected, atol=1e-3)


def test_impossible_tokens_take_no_probability() -> None:
    logits = np.array([[2, -math.inf, 2]], np.float32)
    np.testing.assert_allclose(np.exp(log_softmax(logits)), [[0.5, 0, 0.5]])


@pytest.mark.parametrize(
    ("reference", "model", "expected"),
    [
        ((0.5, 0.5), (0.25, 0.75), 0.5 * math.log(4 / 3)),
        ((0.25, 0.75), (0.5, 0.5), 0.25 * math.log(0.5) + 0.75 * math.log(1.5)),
        ((0.1, 0.2, 0.7), (0.1, 0.2, 0.7), 0),
        ((0, 1), (0.5, 0.5), math.log(2)),
        ((0, 1), (0, 1), 0),
        ((0.5, 0.5), (0, 1), math.inf),
    ],
)
def test_the_divergence(
    reference: tuple[float, ...], model: tuple[float, ...], expected: float
) -> None:
    (divergence,) = kl_divergences(logarithms(reference), logarithms(model))
    assert divergence == pytest.approx(expected, rel=1e-6)


def test_each_place_has_its_own() -> None:
    divergences = kl_divergences(logarithms((0.5, 0.5), (0, 1)), logarithms((0.5, 0.5), (0.5, 0.5)))
    np.testing.assert_allclose(divergences, [0, math.log(2)], rtol=1e-6)
