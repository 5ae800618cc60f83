"""Speed and time left."""

from __future__ import annotations

import pytest

from app.core.pace import Pace


def _pace(*seen: tuple[float, int]) -> Pace:
    pace = Pace()
    for now, done in seen:
        pace.observe(done, now)
    return pace


def test_steady_work() -> None:
    pace = _pace((0, 0), (1, 100), (2, 200))
    assert pace.per_second() == pytest.approx(100)
    assert pace.seconds_left(1_000) == pytest.approx(8)


@pytest.mark.parametrize("seen", [(), ((0.0, 50),), ((0.0, 0), (0.4, 90)), ((0.0, 70), (5.0, 70))])
def test_too_little_to_tell(seen: tuple[tuple[float, int], ...]) -> None:
    pace = _pace(*seen)
    assert pace.per_second() is None
    assert pace.seconds_left(1_000) is None


def test_an_unknown_total_has_no_time_left() -> None:
    assert _pace((0, 0), (1, 100)).seconds_left(0) is None


def test_more_done_than_announced_has_no_time_left_to_go() -> None:
    assert _pace((0, 0), (1, 100)).seconds_left(50) == 0


def test_only_the_last_ten_seconds_count() -> None:
    slow = [(float(second), second) for second in range(60)]
    fast = [(60.0 + second, 60 + 1_000 * second) for second in range(12)]
    assert _pace(*slow, *fast).per_second() == pytest.approx(1_000)


def test_work_that_begins_anew_is_measured_anew() -> None:
    pace = _pace((0, 0), (1, 1_000), (2, 0), (3, 10))
    assert pace.per_second() == pytest.approx(10)
