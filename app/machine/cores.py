"""Facts about this machine and this process that need no engine."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

import psutil

_NICENESS = 10


def usable_threads() -> int:
    """The physical cores that this process may use."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(psutil.cpu_count(logical=False) or 1, allowed or 1))


def listens_at(port: int) -> bool:
    """Whether this process waits for connections at a TCP port."""
    return any(
        connection.status == psutil.CONN_LISTEN and connection.laddr[1] == port
        for connection in psutil.Process().net_connections("tcp")
    )


def core_counts() -> tuple[int, int]:
    """The physical and the logical cores of the machine; 1 where the system doesn't say."""
    return psutil.cpu_count(logical=False) or 1, psutil.cpu_count() or 1


def give_way() -> None:
    """Let this thread have less of the processor; where that can't be, it goes on as others."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
    elif sys.platform == "win32":
        import ctypes

        below_normal = -1
        kernel = ctypes.windll.kernel32
        kernel.SetThreadPriority(kernel.GetCurrentThread(), below_normal)
