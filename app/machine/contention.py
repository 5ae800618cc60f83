"""How much of the processors others use while something is timed: it makes figures too low."""

from __future__ import annotations

import time
from collections.abc import Collection
from contextlib import suppress

import psutil

MOST_CONTENTION = 0.2
"""With more of the processors' time for others, a figure is told to be too low."""
_BUSY = ("user", "nice", "system", "irq", "softirq", "steal")


class Contention:
    """Follows the share of other processes on the cores that this one may use.

    Children of this process, and theirs, are no others.
    """

    def __init__(self) -> None:
        self._this = psutil.Process()
        # Of the others' cores in a container nothing is taken away from this process.
        self._cores = allowed_cores()
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
        busy = busy_seconds(self._cores, _BUSY)
        return busy, _own_seconds(self._this), time.monotonic()


def share_of_others(seconds: float) -> float:
    """The share of other processes over so many seconds from now on, 0 to 1."""
    interference = Contention()
    time.sleep(seconds)
    return interference.share()


def allowed_cores() -> tuple[int, ...]:
    """The numbers of the cores that this process may use."""
    process = psutil.Process()
    if hasattr(process, "cpu_affinity"):
        return tuple(process.cpu_affinity())
    return tuple(range(psutil.cpu_count() or 1))


def busy_seconds(cores: Collection[int], kinds: Collection[str]) -> float:
    """The seconds that these cores were busy since the machine started, of psutil's kinds."""
    of_cores = psutil.cpu_times(percpu=True)
    return sum(
        getattr(of_cores[core], kind, 0.0)
        for core in cores
        if core < len(of_cores)
        for kind in kinds
    )


def _own_seconds(process: psutil.Process) -> float:
    """The processor time of a process, of its children and of theirs, those that ended as well."""
    seconds = time.process_time()
    used = process.cpu_times()
    seconds += used.children_user + used.children_system
    for child in process.children(recursive=True):
        with suppress(psutil.Error):
            seconds += sum(child.cpu_times()[:4])
    return seconds
