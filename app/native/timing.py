"""Time a short piece of work."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

_TIMED_SECONDS = 0.1
_FEWEST_RUNS = 3
_LONGEST_SECONDS = 1.0


def median_seconds(work: Callable[[], None], *, single_thread: bool = False) -> float:
    """Return the seconds that work takes: the median of several runs, at most a second in all.

    Args:
        work: it is run once at least.
        single_thread: one thread of this process does it all, next to other programs. Then
            what the thread had of the processor counts, or the fastest run, which others may have
            spared.
    """
    used = time.process_time()
    runs: list[float] = []
    while sum(runs) < (_TIMED_SECONDS if len(runs) >= _FEWEST_RUNS else _LONGEST_SECONDS):
        began = time.perf_counter()
        work()
        runs.append(time.perf_counter() - began)
    if not single_thread:
        return statistics.median(runs)
    # Some systems count it in steps of ten milliseconds, so not by the run.
    own = (time.process_time() - used) / len(runs)
    return min(*runs, own) if own else min(runs)
