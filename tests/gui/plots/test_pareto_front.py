"""The Pareto front holds exactly the points that none beats."""

from __future__ import annotations

import random

import pytest

from app.gui.plots.pareto_front import pareto_front

Point = tuple[float, float]


def beats(one: Point, other: Point) -> bool:
    return one != other and one[0] <= other[0] and one[1] <= other[1]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([], ()),
        ([(1, 1)], (0,)),
        ([(3, 1), (1, 3), (2, 2), (3, 3)], (1, 2, 0)),
        ([(1, 1), (1, 2), (2, 1)], (0,)),
        ([(1, 1), (1, 1)], (0,)),
    ],
)
def test_known_fronts(points: list[Point], expected: tuple[int, ...]) -> None:
    assert pareto_front(points) == expected


@pytest.mark.parametrize("seed", range(20))
def test_by_the_definition(seed: int) -> None:
    chance = random.Random(seed)
    points = [(float(chance.randrange(8)), float(chance.randrange(8))) for _ in range(30)]
    front = pareto_front(points)
    expected = {point for point in points if not any(beats(other, point) for other in points)}
    assert [points[index] for index in front] == sorted(expected)
