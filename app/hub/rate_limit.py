"""Rate limits of the Hub, as its responses announce them.

The headers are `RateLimit` (`"api";r=REQUESTS_LEFT;t=SECONDS`) and `RateLimit-Policy`
(`"fixed window";"api";q=REQUESTS;w=SECONDS`), of draft-ietf-httpapi-ratelimit-headers-09.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus

_LEFT = re.compile(r'"\w+"\s*;\s*r\s*=\s*(\d{1,9})\s*;\s*t\s*=\s*(\d{1,9})')
_WINDOW = re.compile(r"\bw\s*=\s*(\d{1,9})")
_USUAL_WAIT_SECONDS = 60.0
_LONGEST_WAIT_SECONDS = 3600.0


class RateLimit:
    """The time at which requests of one kind are allowed again; thread-safe."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        date: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._date = date
        self._allowed_at = 0.0
        self._lock = threading.Lock()

    def observe(self, status: int, headers: Mapping[str, str]) -> None:
        """Note that a response was a refusal, or the last one allowed for now."""
        left = _LEFT.search(headers.get("RateLimit", ""))
        seconds = 0.0
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            seconds = self._wait_after_refusal(headers, left)
        elif left is not None and int(left[1]) == 0:
            seconds = float(left[2])
        if seconds > 0:
            with self._lock:
                allowed_at = self._clock() + min(seconds, _LONGEST_WAIT_SECONDS)
                self._allowed_at = max(self._allowed_at, allowed_at)

    def seconds_left(self) -> float:
        """Return the seconds to wait before the next request."""
        with self._lock:
            return max(0.0, self._allowed_at - self._clock())

    def _wait_after_refusal(self, headers: Mapping[str, str], left: re.Match[str] | None) -> float:
        after = headers.get("Retry-After", "").strip()
        if after.isascii() and after.isdigit():
            return float(after[:9])
        try:
            return max(0.0, parsedate_to_datetime(after).timestamp() - self._date())
        except ValueError:
            pass
        if left is not None:
            return float(left[2])
        window = _WINDOW.search(headers.get("RateLimit-Policy", ""))
        return float(window[1]) if window else _USUAL_WAIT_SECONDS
