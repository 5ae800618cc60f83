"""The number of connections of a transfer: it grows only while that makes it faster."""

from __future__ import annotations

import math

from app.hub.transfer_policy import TransferPolicy

_RETRIAL_SECONDS = 60.0


class Ramp:
    """The number of connections that are `wanted` for one transfer.

    It begins with one, and doubles while that makes the transfer faster, unless it is fast enough;
    a number that doesn't is taken back, and tried again after a minute. A connection that fails is
    not replaced before another one has fetched its segment.
    """

    def __init__(self, policy: TransferPolicy) -> None:
        self.wanted = 1
        self._policy = policy
        self._useful = 1
        self._before = 0
        self._speed_before = 0.0
        self._begins = 0.0
        self._first: tuple[int, float] | None = None

    def observe(self, received: int, now: float) -> bool:
        """Judge the speed, and return whether more connections are wanted from now on.

        Args:
            received: All bytes so far.
            now: A monotonic time in seconds.
        """
        if now < self._begins:
            return False
        if self._first is None:
            self._first = received, now
        before, since = self._first
        if now - since < self._policy.trial_seconds or received <= before:
            return False
        return self._judge((received - before) / max(now - since, 1e-9), now)

    def succeed(self) -> None:
        """Note that a connection has fetched its segment."""
        self.wanted = min(self._useful, self.wanted + 1)

    def fail(self, *, is_too_much: bool) -> None:
        """Note that a connection has failed; `is_too_much` if the server asks to slow down."""
        self.wanted -= 1
        if is_too_much:
            self._useful, self._begins = max(1, self.wanted), math.inf

    def _judge(self, speed: float, now: float) -> bool:
        self._first = None
        if self._before and speed < self._speed_before * self._policy.needed_gain:
            self._useful, self._before = self._before, 0
            self.wanted = min(self.wanted, self._useful)
            self._begins = now + _RETRIAL_SECONDS
            return False
        if speed >= self._policy.enough_bytes_per_second:
            self._before, self._begins = 0, now + _RETRIAL_SECONDS
            return False
        self._before, self._speed_before = self._useful, speed
        self._useful = min(2 * self._useful, self._policy.connections)
        # The new ones take a while to get under way.
        self._begins = now + self._policy.trial_seconds
        if self._useful == self._before:
            self._begins = math.inf
            return False
        self.wanted = self._useful
        return True
