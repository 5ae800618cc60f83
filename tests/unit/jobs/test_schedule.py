"""Which job starts next."""

from __future__ import annotations

import random

import pytest

from app.jobs.schedule import ScheduledTask, TaskKind, startable


def _jobs(*kinds: TaskKind, first: int = 1) -> tuple[ScheduledTask, ...]:
    return tuple(ScheduledTask(number, kind) for number, kind in enumerate(kinds, start=first))


@pytest.mark.parametrize(
    ("running", "waiting", "numbers"),
    [
        ((), (), []),
        ((), ("download",), [1]),
        ((), ("download", "download", "download"), [1, 2]),
        (("download",), ("download", "download"), [1]),
        (("download", "download"), ("download",), []),
        ((), ("convert", "convert"), [1]),
        (("convert",), ("convert", "download"), [2]),
        (("convert", "download"), ("convert", "download", "download", "probe"), [2, 4]),
        (("probe",), ("probe", "setup"), [2]),
        (("download", "download", "download"), ("download",), []),
    ],
)
def test_next_jobs(
    running: tuple[TaskKind, ...], waiting: tuple[TaskKind, ...], numbers: list[int]
) -> None:
    chosen = startable(_jobs(*running, first=100), _jobs(*waiting))
    assert [job.number for job in chosen] == numbers


def test_every_job_runs_in_order_of_its_kind_and_within_the_limits() -> None:
    draw = random.Random(4)
    kinds: tuple[TaskKind, ...] = ("download", "convert", "probe", "setup")
    waiting = _jobs(*(draw.choice(kinds) for _ in range(200)))
    running: tuple[ScheduledTask, ...] = ()
    started: list[ScheduledTask] = []
    while waiting or running:
        chosen = startable(running, waiting)
        started += chosen
        running += chosen
        waiting = tuple(job for job in waiting if job not in chosen)
        assert running, "nothing runs and nothing starts: the queue is stuck"
        assert sum(job.kind == "download" for job in running) <= 2
        assert sum(job.kind == "convert" for job in running) <= 1
        ended = draw.choice(running)
        running = tuple(job for job in running if job is not ended)
    assert len(started) == 200
    for kind in kinds:
        numbers = [job.number for job in started if job.kind == kind]
        assert numbers == sorted(numbers)
