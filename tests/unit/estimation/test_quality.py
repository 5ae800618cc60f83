"""Typical quality: every level has a band or is said to be unknown; the bands are in order."""

from __future__ import annotations

import msgspec
import pytest

from app.core.levels import LEVELS, SPECIAL_LEVELS, level_name
from app.estimation.quality import (
    Quality,
    divergence_in_words,
    published_models,
    quality_of_level,
)

EVERY_LEVEL = [level.name for level in (*LEVELS, *SPECIAL_LEVELS)]
BY_LOSS = [
    *("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "Q2_K", "Q3_K_S", "Q3_K_M", "Q3_K_L"),
    *("Q4_0", "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K", "Q8_0", "BF16", "F32"),
]


@pytest.mark.parametrize("level", EVERY_LEVEL)
def test_every_level_has_a_band_with_a_source(level: str) -> None:
    quality = quality_of_level(level)
    assert quality is not None
    assert quality.kind == "typical"
    assert 0 <= quality.low <= quality.kl_divergence <= quality.high
    assert quality.source


@pytest.mark.parametrize("level", ["", "MXFP4_MOE", "TQ1_0", "q4_k_m", "as it is"])
def test_other_levels_have_no_published_figure(level: str) -> None:
    assert quality_of_level(level) is None


def test_an_unpublished_level_is_unknown() -> None:
    assert quality_of_level(level_name(36)) is None


def test_more_bits_lose_less() -> None:
    qualities = [quality for level in BY_LOSS if (quality := quality_of_level(level))]
    for bound in ("low", "kl_divergence", "high"):
        figures = [getattr(quality, bound) for quality in qualities]
        assert figures == sorted(figures, reverse=True)
        assert figures[0] > 100 * figures[-3] > 0
        assert figures[-1] == 0


@pytest.mark.parametrize("level", ["Q2_K", "Q3_K_S", "Q3_K_M", "Q4_K_S", "Q4_K_M"])
def test_an_importance_matrix_helps(level: str) -> None:
    without, within = quality_of_level(level), quality_of_level(level, has_importance=True)
    assert without is not None
    assert within is not None
    assert 0.6 * without.kl_divergence < within.kl_divergence < without.kl_divergence
    assert "without an importance matrix" in without.source
    assert "with an importance matrix" in within.source


def test_a_level_that_needs_an_importance_matrix_has_the_figure_with_one() -> None:
    quality = quality_of_level("IQ2_XXS")
    assert quality == quality_of_level("IQ2_XXS", has_importance=True)
    assert quality is not None
    assert "with an importance matrix" in quality.source


@pytest.mark.parametrize(
    ("level", "published"),
    [("Q4_K_M", 0.012686), ("Q8_0", 0.000369), ("Q2_K", 0.60872), ("Q3_K_M", 0.15920)],
)
def test_the_bands_hold_the_figures_of_other_models(level: str, published: float) -> None:
    quality = quality_of_level(level)
    assert quality is not None
    assert quality.low <= published <= quality.high


def test_every_published_model_names_its_source() -> None:
    assert len(published_models()) == len(set(published_models())) > 3
    assert all("(" in model for model in published_models())


def test_the_window_can_decode_it() -> None:
    quality = Quality("probed", 0.03, 0.01, 0.1, "the error in a sample of its weights")
    assert msgspec.json.decode(msgspec.json.encode(quality), type=Quality) == quality


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.0, 0.0, "0"),
        (0.0, 0.000025, "< 0.001"),
        (0.00001, 0.0004, "< 0.001"),
        (0.0009, 0.007, "≤ 0.007"),
        (0.0041, 0.0044, "0.004"),
        (0.009, 0.043, "0.009–0.04"),
    ],
)
def test_no_band_claims_more_than_is_known(low: float, high: float, words: str) -> None:
    assert divergence_in_words(Quality("typical", high, low, high, "here")) == words


@pytest.mark.parametrize("level", EVERY_LEVEL)
def test_no_band_is_from_0_to_0(level: str) -> None:
    quality = quality_of_level(level)
    assert quality is not None
    assert "0–0" not in divergence_in_words(quality).replace("0–0.", "")


def test_a_measured_figure_is_shown_as_one() -> None:
    assert divergence_in_words(Quality("measured", 0.0313, 0.0313, 0.0313, "here")) == "0.031"
