"""Scheduling of tasks."""

from __future__ import annotations

import random

import pytest

from app.jobs.schedule import DEFAULT_LIMITS, ScheduledTask, TaskKind, startable


def _tasks(*kinds: TaskKind, first: int = 1) -> tuple[ScheduledTask, ...]:
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
        ((), ("get", "get", "download", "download"), [1, 3]),
        (("convert",), ("get", "download"), [2]),
        (("get",), ("convert", "download"), [2]),
        (("download", "download"), ("get", "convert"), [2]),
    ],
)
def test_next_tasks(
    running: tuple[TaskKind, ...], waiting: tuple[TaskKind, ...], numbers: list[int]
) -> None:
    chosen = startable(_tasks(*running, first=100), _tasks(*waiting))
    assert [task.number for task in chosen] == numbers


def test_a_task_waits_for_the_one_before_it_and_delays_no_other() -> None:
    download = ScheduledTask(1, "download")
    behind, other = ScheduledTask(2, "convert", after=1), ScheduledTask(3, "convert")
    assert startable((), (download, behind, other)) == (download, other)
    assert startable((download,), (behind,)) == ()
    assert startable((), (behind,)) == (behind,)


def test_one_task_at_a_time_fills_a_folder() -> None:
    first, second = (ScheduledTask(number, "download", folder="a/b") for number in (1, 2))
    other = ScheduledTask(3, "download", folder="a/c")
    assert startable((), (first, second, other)) == (first, other)
    assert startable((first,), (second, other)) == (other,)
    assert startable((other,), (second,)) == (second,)


@pytest.mark.parametrize("at_once", [1, 2, 3, 4])
def test_downloads_run_up_to_their_limit(at_once: int) -> None:
    limits = {**DEFAULT_LIMITS, "network": at_once}
    waiting = _tasks(*["download"] * 6)
    assert startable((), waiting, limits) == waiting[:at_once]
    assert startable(waiting[:4], waiting[4:], limits) == ()


def test_every_task_runs_in_order_of_its_kind_and_within_the_limits() -> None:
    draw = random.Random(4)
    kinds: tuple[TaskKind, ...] = ("download", "convert", "probe", "setup")
    waiting = _tasks(*(draw.choice(kinds) for _ in range(200)))
    running: tuple[ScheduledTask, ...] = ()
    started: list[ScheduledTask] = []
    while waiting or running:
        chosen = startable(running, waiting)
        started += chosen
        running += chosen
        waiting = tuple(task for task in waiting if task not in chosen)
        assert running, "nothing runs and nothing starts: the queue is stuck"
        assert sum(task.kind == "download" for task in running) <= 2
        assert sum(task.kind == "convert" for task in running) <= 1
        ended = draw.choice(running)
        running = tuple(task for task in running if task is not ended)
    assert len(started) == 200
    for kind in kinds:
        numbers = [task.number for task in started if task.kind == kind]
        assert numbers == sorted(numbers)
