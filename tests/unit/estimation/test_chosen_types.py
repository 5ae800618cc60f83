from __future__ import annotations

import pytest

from app.core.allocation_events import PlainFile, TypesChosen
from app.estimation.chosen_types import compared
from app.estimation.grades import Grade, grade_of_divergence

SMALL, GOOD, BULKY, BEST = (
    PlainFile("Q3_K_M", 400, 0.1),
    PlainFile("Q4_K_M", 500, 0.03),
    PlainFile("Q4_1", 600, 0.05),
    PlainFile("Q6_K", 700, 0.005),
)


def chosen(size_bytes: int, divergence: float, *plain: PlainFile) -> TypesChosen:
    return TypesChosen(
        target="",
        level="Q4_K_M",
        size_bytes=size_bytes,
        bits_per_weight=4.0,
        divergence=divergence,
        shares=(),
        plain=plain or (SMALL, GOOD, BULKY, BEST),
    )


def test_the_saving_is_over_the_best_level_that_is_no_better() -> None:
    """Q4_1 is larger and worse than Q4_K_M; a saving over it would be nobody's gain."""
    found = compared(chosen(450, 0.02))
    assert found.equal == GOOD
    assert found.saved == pytest.approx(0.1)


def test_a_larger_file_of_the_same_quality_saves_less_than_nothing() -> None:
    assert compared(chosen(550, 0.03)).saved == pytest.approx(-0.1)


def test_nothing_equals_a_file_that_is_worse_than_all_levels() -> None:
    found = compared(chosen(300, 0.5))
    assert (found.equal, found.saved, found.nearest) == (None, 0.0, SMALL)


@pytest.mark.parametrize(("size_bytes", "nearest"), [(460, GOOD), (440, SMALL), (5000, BEST)])
def test_the_nearest_level_is_nearest_in_size(size_bytes: int, nearest: PlainFile) -> None:
    assert compared(chosen(size_bytes, 0.02)).nearest == nearest


def test_divergences_are_graded_as_levels_are() -> None:
    grades = [grade_of_divergence(value) for value in (0.009, 0.01, 0.07, 0.3)]
    assert grades == list(Grade)
