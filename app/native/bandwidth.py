"""Measure the bytes per second that this machine reads from memory, bypassing all caches."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

_READ_BYTES = 256 * 2**20
"""So much that no cache holds it from one time to the next."""
_TIMED_SECONDS, _MAX_SECONDS = 0.25, 3.0


def memory_bandwidth(threads: int) -> float:
    """Return the bytes per second that the threads read together, the best of several passes.

    The best, because what other programs take of the memory only ever makes a pass slower: it goes
    on until the threads have had their time of the processors. numpy adds numbers up with vector
    instructions and without the interpreter's lock, as fast as C.
    """
    parts = np.array_split(np.empty(_READ_BYTES // 8, dtype=np.uint64), threads)
    with ThreadPoolExecutor(threads) as pool:
        # Each thread writes first what it reads: it lies in the memory next to its core then.
        list(pool.map(_fill, parts))
        best_seconds, ends = float("inf"), time.perf_counter() + _MAX_SECONDS
        enough = time.process_time() + threads * _TIMED_SECONDS
        while time.process_time() < enough and time.perf_counter() < ends:
            began = time.perf_counter()
            list(pool.map(np.sum, parts))
            best_seconds = min(best_seconds, time.perf_counter() - began)
    return _READ_BYTES / best_seconds


def _fill(numbers: npt.NDArray[np.uint64]) -> None:
    numbers.fill(1)
