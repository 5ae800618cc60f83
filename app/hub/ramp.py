"""How many connections a transfer uses: more of them only while that makes it faster."""

from __future__ import annotations

from app.hub.transfer_policy import TransferPolicy


class Ramp:
    """Number of connections that are `wanted`, of one transfer.

    It begins with one and adds another as long as the last one made the transfer faster. One that
    fails is not replaced before another has fetched its segment, so that a server which refuses
    several is left with those it accepts.
    """

    def __init__(self, policy: TransferPolicy) -> None:
        self.wanted = 1
        self._policy = policy
        self._useful = 1
        self._is_settled = False
        self._speed = 0.0
        self._begun: tuple[float, int] | None = None

    def observe(self, received: int, now: float) -> None:
        """Judge the speed, given the bytes received so far at a monotonic time in seconds."""
        if self._begun is None:
            self._begun = now, received
        since, before = self._begun
        if self._is_settled or now - since < self._policy.trial_seconds or received <= before:
            return
        speed = (received - before) / max(now - since, 1e-9)
        if (
            self._useful == self._policy.connections
            or speed < self._speed * self._policy.needed_gain
        ):
            self._is_settled = True
            return
        self._useful += 1
        self.wanted += 1
        self._speed, self._begun = speed, (now, received)

    def succeed(self) -> None:
        """Note that a connection has fetched its segment."""
        self.wanted = min(self._useful, self.wanted + 1)

    def fail(self, *, is_too_much: bool) -> None:
        """Note that a connection has failed; `is_too_much` if the server asks for patience."""
        self.wanted -= 1
        if is_too_much:
            self._useful, self._is_settled = max(1, self.wanted), True
