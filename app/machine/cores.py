"""Cores and thread priorities of this process."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

import psutil

_NICENESS = 10


def usable_threads() -> int:
    """Return the number of physical cores that this process may use."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(psutil.cpu_count(logical=False) or 1, allowed or 1))


def core_counts() -> tuple[int, int]:
    """Return the machine's physical and logical cores; 1 if unknown."""
    return psutil.cpu_count(logical=False) or 1, psutil.cpu_count() or 1


def lower_thread_priority() -> None:
    """Lower this thread's priority, where the system allows it."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
    elif sys.platform == "win32":
        import ctypes

        below_normal = -1
        kernel = ctypes.windll.kernel32
        kernel.SetThreadPriority(kernel.GetCurrentThread(), below_normal)
