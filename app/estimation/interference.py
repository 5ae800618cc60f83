"""How much of the processors others use while something is measured: it makes figures too low."""

from __future__ import annotations

import time

import psutil

MOST_INTERFERENCE = 0.2
"""With more of the processors' time for others, what was measured is not worth keeping."""
_BUSY = ("user", "nice", "system", "irq", "softirq", "steal")


class Interference:
    """Follows the share of other processes."""

    def __init__(self) -> None:
        self._busy, self._own, self._passed = _times()

    def share(self) -> float:
        """Their share of all processors' time since this was last asked, 0 to 1."""
        before = self._busy, self._own, self._passed
        self._busy, self._own, self._passed = _times()
        passed = (self._passed - before[2]) * (psutil.cpu_count() or 1)
        others = (self._busy - before[0]) - (self._own - before[1])
        return min(1.0, max(0.0, others / passed)) if passed > 0 else 0.0


def _times() -> tuple[float, float, float]:
    """The seconds that all were busy, that this process was, and that passed."""
    now = psutil.cpu_times()
    busy = sum(getattr(now, name, 0.0) for name in _BUSY)
    return busy, time.process_time(), time.monotonic()
