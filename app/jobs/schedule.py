"""Scheduling of tasks: first come, first served, within the limits of resources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

TaskKind = Literal["download", "get", "convert", "probe", "setup", "verify", "publish", "measure"]
Resource = Literal["network", "cores", "engine", "packages", "disk", "upload"]

# A conversion uses all cores, whether its source is on the disk or arrives meanwhile; nothing may
# disturb a measurement of the speed.
_USED: dict[TaskKind, tuple[Resource, ...]] = {
    "download": ("network",),
    "get": ("network", "cores"),
    "convert": ("cores",),
    "probe": ("engine",),
    "setup": ("packages",),
    "verify": ("disk",),
    "publish": ("upload",),
    "measure": ("cores",),
}
DEFAULT_LIMITS: Mapping[Resource, int] = {
    "network": 2,
    "cores": 1,
    "engine": 1,
    "packages": 1,
    "disk": 1,
    "upload": 1,
}
"""The number of tasks that may use each resource at the same time."""


@dataclass(frozen=True)
class ScheduledTask:
    """A task for a child process; `number` identifies it, `after` the one that must end first.

    Tasks that fill the same `folder` run one after the other; it is empty if that doesn't matter.
    """

    number: int
    kind: TaskKind
    after: int | None = None
    folder: str = ""


def startable(
    running: tuple[ScheduledTask, ...],
    waiting: tuple[ScheduledTask, ...],
    limits: Mapping[Resource, int] = DEFAULT_LIMITS,
) -> tuple[ScheduledTask, ...]:
    """Return the tasks of `waiting`, first ones first, that may start alongside running ones.

    A task that can't start yet delays no later one.
    """
    used = Counter(resource for task in running for resource in _USED[task.kind])
    filled = {task.folder for task in running if task.folder}
    unfinished = {task.number for task in (*running, *waiting)}
    chosen: list[ScheduledTask] = []
    for task in waiting:
        is_free = all(used[resource] < limits[resource] for resource in _USED[task.kind])
        if is_free and task.after not in unfinished and task.folder not in filled:
            used.update(_USED[task.kind])
            filled |= {task.folder} - {""}
            chosen.append(task)
    return tuple(chosen)
