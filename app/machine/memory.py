"""The memory of this machine, or of this process's control group."""

from __future__ import annotations

from typing import NamedTuple

import psutil

from app.machine.cgroup import memory_limit


class UsableMemory(NamedTuple):
    """The memory that this program may use, and how much of it is free."""

    total_bytes: int
    free_bytes: int


def usable_memory() -> UsableMemory:
    """Return the memory of the machine, or what a control group leaves of it."""
    memory, limit = psutil.virtual_memory(), memory_limit()
    if limit is None:
        return UsableMemory(memory.total, memory.available)
    return UsableMemory(
        min(memory.total, limit.limit_bytes), min(memory.available, limit.free_bytes)
    )
