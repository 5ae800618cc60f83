"""How long measuring takes in all, beside the time that a step still needs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from app.core.language import tr
from app.core.sizes import about

_MINUTE = 60


@dataclass(frozen=True)
class Forecast:
    """What was predicted before it began.

    Attributes:
        seconds: The predicted duration.
        began: The monotonic time in seconds when it began.
    """

    seconds: float
    began: float

    def in_words(self, seconds_left: float | None, now: float) -> str:
        """Say how long it takes in all; never less than the time so far and the time left.

        Args:
            seconds_left: what the current step still needs; None while that is unknown.
            now: the monotonic time in seconds.
        """
        least = now - self.began + (seconds_left or 0.0)
        if least >= _MINUTE:
            # Rounding to the nearest minute may be less.
            least = _MINUTE * math.ceil(least / _MINUTE)
        return tr("about {duration} in all", duration=about(max(self.seconds, least)))
