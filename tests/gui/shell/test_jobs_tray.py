"""The tray shows the whole of each job, as the page that follows it does."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QProgressBar
from pytestqt.qtbot import QtBot

from app.core.events import Finished, Progressed
from app.gui.children.task import Task
from app.gui.children.task_board import TaskBoard
from app.gui.pages.convert.conversion_run import conversion_steps
from app.gui.pages.convert.task_row import TaskRow
from app.gui.shell.jobs_tray import JobsTray
from app.gui.theme.theme import Theme
from app.gui.widgets.plain_label import PlainLabel
from app.jobs.outcome import ProcessOutcome
from tests.gui.widgets.conftest import nothing_left, theme

__all__ = ["nothing_left", "theme"]

STEPS = conversion_steps(makes_matrix=True)


@pytest.fixture
def board(qtbot: QtBot) -> TaskBoard:
    return TaskBoard()


def running(board: TaskBoard, steps: tuple[str, ...]) -> Task:
    """Return a task that is followed by what a child would report."""
    task = Task("convert", "model → Q4_K_M", ("convert",), steps=steps, parent=board)
    task.state = "running"
    board._tasks.append(task)
    board.added.emit(task)
    return task


def progress(task: Task, step: str, done: int) -> None:
    task._on_received(Progressed(step, done, 100, ""))


def words_of(tray: JobsTray) -> list[str]:
    return [label.whole_text for label in tray.list.findChildren(PlainLabel)]


def test_a_job_of_several_steps_has_one_percentage(
    theme: Theme, qtbot: QtBot, board: TaskBoard
) -> None:
    tray = JobsTray(theme, board)
    tray.set_folded(is_folded=True)
    qtbot.addWidget(tray)
    task = running(board, tuple(step.progress for step in STEPS))
    row = TaskRow(theme, task, STEPS, first=2, total=4)
    qtbot.addWidget(row)
    assert "Preparing…" in words_of(tray)
    (bar,) = tray.list.findChildren(QProgressBar)
    for step, done, percent in (
        ("convert", 60, 20),
        ("convert", 100, 33),
        ("plan", 0, 33),
        ("calibrate", 50, 50),
        ("convert", 50, 83),
        ("convert", 100, 99),
    ):
        progress(task, step, done)
        assert any(words.startswith(f"{percent}%") for words in words_of(tray)), words_of(tray)
        assert tray._bar.value() == percent
        assert abs(bar.value() - row._bar.value()) <= 10
    task._on_received(Finished(("a.gguf",)))
    task._on_ended(ProcessOutcome(0))


def test_a_job_is_never_all_done_while_it_is_there(
    theme: Theme, qtbot: QtBot, board: TaskBoard
) -> None:
    tray = JobsTray(theme, board)
    qtbot.addWidget(tray)
    task = running(board, ())
    progress(task, "download", 100)
    assert any(words.startswith("99%") for words in words_of(tray))
    progress(task, "plan", 100)
    assert "Preparing…" in words_of(tray)
