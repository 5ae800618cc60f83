"""CPU contention: other processes' share of the CPU, which distorts timings."""

from __future__ import annotations

import time
from collections.abc import Collection
from contextlib import suppress

import psutil

MAX_CONTENTION = 0.2
"""Share above which a measured speed is reported as too low."""
_BUSY = ("user", "nice", "system", "irq", "softirq", "steal")


class Contention:
    """Share of CPU time that other processes take on the cores this one may use.

    This process's children and their descendants don't count as others.
    """

    def __init__(self) -> None:
        self._this = psutil.Process()
        # In a container, load on other cores doesn't affect this process.
        self._cores = allowed_cores()
        self._busy, self._own, self._passed = self._times()

    def share(self) -> float:
        """Return the share of the cores' time since the last call, 0 to 1."""
        before = self._busy, self._own, self._passed
        self._busy, self._own, self._passed = self._times()
        passed = (self._passed - before[2]) * len(self._cores)
        others = (self._busy - before[0]) - (self._own - before[1])
        return min(1.0, max(0.0, others / passed)) if passed > 0 else 0.0

    def _times(self) -> tuple[float, float, float]:
        """Return busy seconds of the cores and of own processes, and the clock, in seconds."""
        busy = busy_seconds(self._cores, _BUSY)
        return busy, _own_seconds(self._this), time.monotonic()


def share_of_others(seconds: float) -> float:
    """Measure the share of other processes for the given time, 0 to 1."""
    contention = Contention()
    time.sleep(seconds)
    return contention.share()


def allowed_cores() -> tuple[int, ...]:
    """Return the numbers of the cores that this process may use."""
    process = psutil.Process()
    if hasattr(process, "cpu_affinity"):
        return tuple(process.cpu_affinity())
    return tuple(range(psutil.cpu_count() or 1))


def busy_seconds(cores: Collection[int], kinds: Collection[str]) -> float:
    """Return the busy seconds of these cores since boot, summed over psutil's `kinds`."""
    of_cores = psutil.cpu_times(percpu=True)
    return sum(
        getattr(of_cores[core], kind, 0.0)
        for core in cores
        if core < len(of_cores)
        for kind in kinds
    )


def _own_seconds(process: psutil.Process) -> float:
    """Return the CPU seconds of a process and its descendants, including ended ones."""
    seconds = time.process_time()
    used = process.cpu_times()
    seconds += used.children_user + used.children_system
    for child in process.children(recursive=True):
        with suppress(psutil.Error):
            seconds += sum(child.cpu_times()[:4])
    return seconds
