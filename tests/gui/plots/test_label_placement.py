"""Labels overlap neither each other nor the points, and stay near their own."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from app.gui.plots.label_placement import Box, place_labels

AREA = Box(0, 0, 700, 300)
RADIUS = 8.0
SIZE = (70.0, 15.0)


def mark(point: tuple[float, float]) -> Box:
    return Box(point[0] - RADIUS, point[1] - RADIUS, 2 * RADIUS, 2 * RADIUS)


def test_a_point_alone_has_its_label_at_the_right() -> None:
    (placed,) = place_labels([(100, 100)], [SIZE], AREA, radius=RADIUS)
    assert placed is not None
    assert placed.box == Box(108, 92.5, *SIZE)
    assert not placed.has_leader


def test_at_the_right_edge_it_is_elsewhere() -> None:
    (placed,) = place_labels([(690, 100)], [SIZE], AREA, radius=RADIUS)
    assert placed is not None
    assert AREA.holds(placed.box)


def test_it_keeps_off_the_line() -> None:
    line = [(100.0, 100.0), (400.0, 100.0)]
    (placed,) = place_labels([(100, 100)], [SIZE], AREA, radius=RADIUS, line=line)
    assert placed is not None
    assert not any(placed.box.holds_point((x, 100.0)) for x in range(100, 400))


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("spread", [1.0, 0.3])
def test_nothing_overlaps(seed: int, spread: float) -> None:
    chance = random.Random(seed)
    points = [
        (350 + spread * chance.uniform(-340, 340), 150 + spread * chance.uniform(-140, 140))
        for _ in range(16)
    ]
    placed = place_labels(points, [SIZE] * len(points), AREA, radius=RADIUS)
    boxes = [label.box for label in placed if label is not None]
    assert all(AREA.holds(box) for box in boxes)
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    assert not any(box.overlaps(mark(point)) for box in boxes for point in points)
    assert len(boxes) >= (16 if spread == 1 else 12)


def test_equal_points_have_labels_of_their_own() -> None:
    placed = place_labels([(200, 150)] * 4, [SIZE] * 4, AREA, radius=RADIUS)
    assert all(placed)
    assert len({label.box for label in placed if label}) == 4


def test_a_label_that_was_pushed_away_has_a_leader() -> None:
    placed = place_labels([(200, 150)] * 12, [SIZE] * 12, AREA, radius=RADIUS)
    assert any(label.has_leader for label in placed if label)


def test_without_room_there_is_no_label() -> None:
    assert place_labels([(5, 5)], [SIZE], Box(0, 0, 20, 20), radius=RADIUS) == [None]
