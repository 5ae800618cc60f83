from __future__ import annotations

import pytest

from app.gui.pages.convert.best_size.plan_words import (
    PlanRow,
    exact_size,
    plan_rows,
    plan_sentence,
)
from tests.gui.pages.best_size.plans import chosen
from tests.support.profiles import MB


@pytest.mark.parametrize(
    ("size_mb", "divergence", "sentence"),
    [
        (549, 0.03, "As good as Q4_K_M, 10% smaller"),
        (549, 0.029, "As good as Q4_K_M, 10% smaller"),
        (549, 0.02, "Better than Q4_K_M, 10% smaller"),
        (640, 0.02, "Better than Q4_K_M, 5% larger"),
        (640, 0.03, "As good as Q4_K_M, 5% larger"),
        (609, 0.0225, "25% less divergence than Q4_K_M of the same size"),
        (400, 0.2, ""),
    ],
)
def test_a_plan_is_compared_with_the_level_of_equal_quality(
    size_mb: int, divergence: float, sentence: str
) -> None:
    assert plan_sentence(chosen(size_mb * MB, divergence)) == sentence


def test_the_rows_name_the_nearest_level_and_that_of_equal_quality() -> None:
    assert plan_rows(chosen(550 * MB, 0.025)) == (
        PlanRow("This file", "550 MB", "Good", "0.025"),
        PlanRow("IQ4_XS, nearest in size", "560 MB", "Good", "0.04"),
        PlanRow("Q4_K_M, equal quality", "610 MB", "Good", "0.03"),
    )


def test_one_level_can_be_nearest_in_both() -> None:
    rows = plan_rows(chosen(605 * MB, 0.025))
    assert [row.name for row in rows] == ["This file", "Q4_K_M, nearest in size and quality"]


def test_a_plan_without_any_plain_level_stands_alone() -> None:
    alone = chosen(400 * MB, 0.3, plain=())
    assert plan_rows(alone) == (PlanRow("This file", "400 MB", "Clearly worse", "0.3"),)
    assert plan_sentence(alone) == ""


def test_the_size_is_exact() -> None:
    assert exact_size(chosen(549_123_456, 0.02)) == "549,123,456 bytes · 4.25 bits per weight"
