"""Speed of a task and its remaining time."""

from __future__ import annotations

from collections import deque

_WINDOW_SECONDS = 10.0
_MIN_SECONDS = 0.5


class Pace:
    """Speed over the last ten seconds, from observed amounts of work done."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def observe(self, done: int, now: float) -> None:
        """Record that `done` units are done at the monotonic time `now`, in seconds.

        Work that restarts (`done` smaller than before) restarts the measurement.
        """
        if self._seen and done < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[0][0] > _WINDOW_SECONDS:  # noqa: PLR2004 - two points make a slope
            self._seen.popleft()

    def per_second(self) -> float | None:
        """Return units per second; None while there is too little data."""
        if not self._seen:
            return None
        (began, first), (ended, last) = self._seen[0], self._seen[-1]
        if ended - began < _MIN_SECONDS or last == first:
            return None
        return (last - first) / (ended - began)

    def seconds_left(self, total: int) -> float | None:
        """Return the seconds until `total` is reached, None while there is too little data."""
        speed = self.per_second()
        if speed is None or total <= 0:
            return None
        return max(0.0, (total - self._seen[-1][1]) / speed)
