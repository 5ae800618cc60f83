from __future__ import annotations

import pytest

from app.gui.children.forecast import Forecast

BEGAN = 1000.0


@pytest.mark.parametrize(
    ("predicted", "so_far", "left", "duration"),
    [
        (38, 0, None, "38 s"),
        (38, 10, 20, "38 s"),
        (38, 10, 40, "50 s"),
        (38, 10, 80, "2 min"),
        (38, 50, None, "50 s"),
        (85, 0, 80, "2 min"),
        (600, 30, 500, "10 min"),
        (600, 30, 4800, "1 h 21 min"),
    ],
)
def test_a_forecast_is_never_less_than_the_time_so_far_and_the_time_left(
    predicted: float, so_far: float, left: float | None, duration: str
) -> None:
    words = Forecast(predicted, BEGAN).in_words(left, BEGAN + so_far)
    assert words == f"about {duration} in all"
