"""Facts about this machine and this process that need no engine."""

from __future__ import annotations

import os

import psutil


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
