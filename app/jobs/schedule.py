"""Which waiting job starts next: first come, first served, within a limit for each kind."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

TaskKind = Literal["download", "convert", "probe", "setup"]

# Two downloads fill most lines; a conversion takes all cores; the others exclude their own kind.
_LIMITS: dict[TaskKind, int] = {"download": 2, "convert": 1, "probe": 1, "setup": 1}


@dataclass(frozen=True)
class ScheduledTask:
    """A piece of work for a child process; `number` tells jobs apart."""

    number: int
    kind: TaskKind


def startable(
    running: tuple[ScheduledTask, ...], waiting: tuple[ScheduledTask, ...]
) -> tuple[ScheduledTask, ...]:
    """The jobs of `waiting`, oldest first, that may start beside those that are running.

    A job whose kind is at its limit does not hold up the jobs of other kinds behind it.
    """
    taken = Counter(job.kind for job in running)
    chosen: list[ScheduledTask] = []
    for job in waiting:
        if taken[job.kind] < _LIMITS[job.kind]:
            taken[job.kind] += 1
            chosen.append(job)
    return tuple(chosen)
