"""The share of a task's work that is finished, as its child reports it."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication

from app.core.events import Progressed
from app.gui.children.task import Task


def shares_of(steps: tuple[str, ...], *progress: tuple[str, int]) -> list[float | None]:
    task = Task("get", "owner/name", ("get", "owner/name"), steps=steps)
    shares = []
    for step, done_bytes in progress:
        task._on_received(Progressed(step, done_bytes, 100))
        shares.append(task.share)
    return shares


def test_a_step_goes_on_beside_what_is_reported_between(qapp: QApplication) -> None:
    assert shares_of(
        ("download",), ("outline", 90), ("download", 20), ("plan", 0), ("download", 40)
    ) == [None, 0.2, 0.2, 0.4]


def test_what_follows_the_last_step_does_not_go_back(qapp: QApplication) -> None:
    assert shares_of(("download",), ("download", 100), ("convert", 10)) == [0.99, 0.99]


def test_between_steps_the_next_one_is_prepared(qapp: QApplication) -> None:
    assert shares_of(
        ("download", "convert"), ("download", 50), ("plan", 0), ("convert", 50), ("download", 10)
    ) == [0.25, 0.5, 0.75, 0.75]
