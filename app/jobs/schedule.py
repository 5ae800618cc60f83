"""Scheduling of tasks: first come, first served, within a limit for each kind."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

TaskKind = Literal["download", "convert", "probe", "setup", "verify"]

# Two downloads saturate most connections; a conversion uses all cores; the rest run singly.
_LIMITS: dict[TaskKind, int] = {"download": 2, "convert": 1, "probe": 1, "setup": 1, "verify": 1}


@dataclass(frozen=True)
class ScheduledTask:
    """A task for a child process; `number` identifies it, `after` the one that must end first."""

    number: int
    kind: TaskKind
    after: int | None = None


def startable(
    running: tuple[ScheduledTask, ...], waiting: tuple[ScheduledTask, ...]
) -> tuple[ScheduledTask, ...]:
    """Return the tasks of `waiting`, oldest first, that may start alongside running ones.

    A task whose kind is at its limit does not delay later tasks of other kinds, and one that must
    come after another delays none.
    """
    taken = Counter(task.kind for task in running)
    unfinished = {task.number for task in (*running, *waiting)}
    chosen: list[ScheduledTask] = []
    for task in waiting:
        if task.after not in unfinished and taken[task.kind] < _LIMITS[task.kind]:
            taken[task.kind] += 1
            chosen.append(task)
    return tuple(chosen)
