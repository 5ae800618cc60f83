"""Place the labels of points so that they overlap neither each other nor the points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Point = tuple[float, float]
_SIDES = ((1, 0), (0, -1), (-1, 0), (0, 1), (1, -1), (-1, -1), (1, 1), (-1, 1))
"""Where a label may lie beside its point, the best place first; y grows downward."""
_RINGS = (0.0, 14.0, 28.0, 46.0, 70.0, 100.0)
"""Additional distances from the point, in pixels; from the second on, a line leads to it."""
_SAMPLE_PIXELS = 4.0
_RING_COST, _LINE_COST = 12.0, 24.0
"""A label that a line touches is harder to read than one further away, with a line to its point."""


@dataclass(frozen=True)
class Box:
    """A rectangle with its left and top edge, in pixels."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """The bottom edge."""
        return self.top + self.height

    def overlaps(self, other: Box) -> bool:
        """Return whether both share an area."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def holds(self, other: Box) -> bool:
        """Return whether the other one lies within this one."""
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.top <= other.top
            and other.bottom <= self.bottom
        )

    def holds_point(self, point: Point) -> bool:
        """Return whether a point lies within."""
        return self.left <= point[0] <= self.right and self.top <= point[1] <= self.bottom


@dataclass(frozen=True)
class PlacedLabel:
    """The place of a label; `has_leader` if it is so far away that a line leads to its point."""

    box: Box
    has_leader: bool


def place_labels(
    points: Sequence[Point],
    sizes: Sequence[tuple[float, float]],
    area: Box,
    *,
    radius: float,
    line: Sequence[Point] = (),
) -> list[PlacedLabel | None]:
    """Return the place of each point's label; None if there is no room for it.

    Args:
        points: the centers of the points.
        sizes: the width and height of each label.
        area: where labels may lie.
        radius: of the points, with the gap between one and its label.
        line: the corners of a line that labels should not cover.
    """
    marks = [Box(x - radius, y - radius, 2 * radius, 2 * radius) for x, y in points]
    samples = _samples(line)
    placed: list[PlacedLabel | None] = [None] * len(points)
    # Crowded points have the fewest places to choose from.
    for index in sorted(range(len(points)), key=lambda one: -_neighbors(points, one)):
        taken = [*marks, *(label.box for label in placed if label)]
        best = _best(points[index], sizes[index], area, taken, samples, radius)
        placed[index] = best
    return placed


def _best(
    point: Point,
    size: tuple[float, float],
    area: Box,
    taken: Sequence[Box],
    samples: Sequence[Point],
    radius: float,
) -> PlacedLabel | None:
    best, least = None, float("inf")
    for ring, distance in enumerate(_RINGS):
        for rank, side in enumerate(_SIDES):
            cost = ring * _RING_COST + rank
            if cost >= least:
                continue
            box = _box(point, size, side, radius + distance)
            if not area.holds(box) or any(box.overlaps(other) for other in taken):
                continue
            cost += _LINE_COST * sum(box.holds_point(sample) for sample in samples)
            if cost < least:
                best, least = PlacedLabel(box, has_leader=ring > 0), cost
    return best


def _box(point: Point, size: tuple[float, float], side: tuple[int, int], distance: float) -> Box:
    (x, y), (width, height), (across, down) = point, size, side
    left = x + across * distance - (0.0, width / 2, width)[1 - across]
    top = y + down * distance - (0.0, height / 2, height)[1 - down]
    return Box(left, top, width, height)


def _neighbors(points: Sequence[Point], index: int) -> int:
    x, y = points[index]
    near = _RINGS[-1]
    return sum(abs(x - a) < near and abs(y - b) < near for a, b in points)


def _samples(line: Sequence[Point]) -> list[Point]:
    """Return points on a line, a few pixels apart."""
    samples: list[Point] = []
    for (x, y), (to_x, to_y) in pairwise(line):
        steps = max(1, round(max(abs(to_x - x), abs(to_y - y)) / _SAMPLE_PIXELS))
        for step in range(steps + 1):
            share = step / steps
            samples.append((x + share * (to_x - x), y + share * (to_y - y)))
    return samples
