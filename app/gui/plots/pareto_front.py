"""The Pareto front of points whose coordinates are both better the smaller they are."""

from __future__ import annotations

from collections.abc import Sequence


def pareto_front(points: Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """Return the indices of the points that no other one beats, by their first coordinate.

    A point is beaten by one that is no larger in either coordinate and smaller in one. Of equal
    points, only the first is on the front.
    """
    ordered = sorted(range(len(points)), key=lambda index: points[index])
    front: list[int] = []
    for index in ordered:
        if not front or points[index][1] < points[front[-1]][1]:
            front.append(index)
    return tuple(front)
