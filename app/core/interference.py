"""How much of the processors others use while something is timed: it makes figures too low."""

from __future__ import annotations

import time
from contextlib import suppress

import psutil

MOST_INTERFERENCE = 0.2
"""With more of the processors' time for others, a figure is told to be too low."""
_BUSY = ("user", "nice", "system", "irq", "softirq", "steal")


class Interference:
    """Follows the share of other processes on the cores that this one may use.

    Children of this process, and theirs, are no others.
    """

    def __init__(self) -> None:
        self._this = psutil.Process()
        # Of the others' cores in a container nothing is taken away from this process.
        self._cores = _allowed_cores(self._this)
        self._busy, self._own, self._passed = self._times()

    def share(self) -> float:
        """Their share of the cores' time since this was last asked, 0 to 1."""
        before = self._busy, self._own, self._passed
        self._busy, self._own, self._passed = self._times()
        passed = (self._passed - before[2]) * len(self._cores)
        others = (self._busy - before[0]) - (self._own - before[1])
        return min(1.0, max(0.0, others / passed)) if passed > 0 else 0.0

    def _times(self) -> tuple[float, float, float]:
        """The seconds that the cores were busy, that own processes were, and that passed."""
        of_cores = psutil.cpu_times(percpu=True)
        busy = sum(
            getattr(of_cores[core], name, 0.0)
            for core in self._cores
            if core < len(of_cores)
            for name in _BUSY
        )
        return busy, _own_seconds(self._this), time.monotonic()


def share_of_others(seconds: float) -> float:
    """The share of other processes over so many seconds from now on, 0 to 1."""
    interference = Interference()
    time.sleep(seconds)
    return interference.share()


def _allowed_cores(process: psutil.Process) -> tuple[int, ...]:
    if hasattr(process, "cpu_affinity"):
        return tuple(process.cpu_affinity())
    return tuple(range(psutil.cpu_count() or 1))


def _own_seconds(process: psutil.Process) -> float:
    """The processor time of a process, of its children and of theirs, those that ended as well."""
    seconds = time.process_time()
    used = process.cpu_times()
    seconds += used.children_user + used.children_system
    for child in process.children(recursive=True):
        with suppress(psutil.Error):
            seconds += sum(child.cpu_times()[:4])
    return seconds
