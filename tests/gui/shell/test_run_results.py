"""A conversion that ends while nobody watches it is reported over any page."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.core.errors import ErrorCode
from app.core.events import Failed, Finished
from app.gui.children.task import Task
from app.gui.pages.convert.conversion_run import ConversionRun, conversion_steps
from app.gui.services.engine import EngineFailed
from app.gui.shell.window import MainWindow
from app.gui.widgets.notice_bar import NoticeBar
from app.jobs.outcome import EXIT_CANCELED, EXIT_FAILED, ProcessOutcome

LEVELS = ("Q4_K_M",)


@pytest.fixture
def task(window: MainWindow) -> Task:
    """A task that the convert page follows; the tests say what its child would."""
    task = Task("convert", "model → Q4_K_M", ("convert",), parent=window)
    task.state = "running"
    run = ConversionRun("model", ((task, conversion_steps()),), task, LEVELS, "Q4_K_M", "")
    window.show_page("convert")
    window.convert.follow(run)
    return task


def shown(window: MainWindow) -> list[NoticeBar]:
    return [one for one in window.findChildren(NoticeBar) if one.isVisible()]


def press(notice: NoticeBar, qtbot: QtBot, words: str) -> None:
    (button,) = [one for one in notice.findChildren(QPushButton) if one.text() == words]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def finish(task: Task, folder: Path) -> None:
    file = folder / "model-Q4_K_M.gguf"
    file.write_bytes(b"GGUF")
    task._on_received(Finished((str(file),)))
    task._on_ended(ProcessOutcome(0))


def test_a_finished_model_can_be_chatted_with_from_another_page(
    window: MainWindow, qtbot: QtBot, task: Task, tmp_path: Path
) -> None:
    window.show_page("settings")
    finish(task, tmp_path)
    (notice,) = shown(window)
    assert notice.text == "model is converted to Q4_K_M."
    press(notice, qtbot, "Chat")
    assert window.chat.isVisible()
    engine = window._workbench.engine
    qtbot.waitUntil(lambda: isinstance(engine.state, EngineFailed), timeout=30_000)
    assert engine.state.path.endswith("model-Q4_K_M.gguf")
    assert notice not in shown(window)


def test_a_failed_one_says_why(window: MainWindow, task: Task) -> None:
    window.show_page("models")
    task._on_received(Failed(ErrorCode.CONVERTER_MISSING, {}))
    task._on_ended(ProcessOutcome(EXIT_FAILED))
    (notice,) = shown(window)
    assert notice.text.startswith("model wasn't converted. llama.cpp's converter is not installed")
    # Its child logged nothing.
    assert not notice.findChildren(QPushButton)


def test_who_watches_needs_no_notice(window: MainWindow, task: Task, tmp_path: Path) -> None:
    finish(task, tmp_path)
    window.show_page("models")
    assert not shown(window)


def test_what_was_canceled_needs_no_notice(window: MainWindow, task: Task) -> None:
    window.show_page("models")
    task._on_ended(ProcessOutcome(EXIT_CANCELED))
    assert not shown(window)


def test_another_source_on_the_page_does_not_hide_the_result(
    window: MainWindow, task: Task, tmp_path: Path
) -> None:
    window.convert._show_step(0)
    finish(task, tmp_path)
    assert [notice.text for notice in shown(window)] == ["model is converted to Q4_K_M."]
