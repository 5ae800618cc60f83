"""The time at which the Hub allows requests again."""

from __future__ import annotations

import pytest

from app.hub.rate_limit import RateLimit

WEDNESDAY = 1_700_000_000.0


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (200, {}, 0),
        (200, {"RateLimit": '"api";r=12;t=55'}, 0),
        (200, {"RateLimit": '"api";r=0;t=55'}, 55),
        (200, {"RateLimit": '"api" ; r = 0 ; t = 55'}, 55),
        (200, {"RateLimit": "nonsense"}, 0),
        (429, {"Retry-After": "7", "RateLimit": '"api";r=0;t=55'}, 7),
        (429, {"Retry-After": "Tue, 14 Nov 2023 22:13:50 GMT"}, 30),
        (429, {"Retry-After": "soon", "RateLimit": '"api";r=0;t=55'}, 55),
        (429, {"RateLimit-Policy": '"fixed window";"api";q=500;w=300'}, 300),
        (429, {}, 60),
        (429, {"Retry-After": "9" * 300}, 3600),
    ],
)
def test_the_wait(status: int, headers: dict[str, str], seconds: float) -> None:
    limit = RateLimit(clock=lambda: 1000.0, date=lambda: WEDNESDAY)

    limit.observe(status, headers)

    assert limit.seconds_left() == seconds


def test_the_wait_passes_and_is_not_shortened_by_later_responses() -> None:
    now = 1000.0
    limit = RateLimit(clock=lambda: now)
    limit.observe(429, {"Retry-After": "20"})
    limit.observe(200, {"RateLimit": '"api";r=0;t=5'})
    assert limit.seconds_left() == 20

    now = 1019.0
    assert limit.seconds_left() == 1
    now = 1021.0
    assert limit.seconds_left() == 0
