"""Closing the window while work is running asks, and the work can go on without the window."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import QDeadlineTimer, Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from app.gui.children.task import Task
from app.gui.services.engine import EngineIdle
from app.gui.shell.quit_dialog import QuitDialog
from app.gui.shell.single_instance import LaterInstances, hand_over
from app.gui.shell.window import MainWindow
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.plain_label import PlainLabel
from tests.gui.conftest import WindowMaker
from tests.support.engine.tiny_model import write_tiny_model


@pytest.fixture
def task(window: MainWindow, tmp_path: Path) -> Task:
    """Work that runs until it is stopped."""
    model = write_tiny_model(tmp_path / "tiny.gguf")
    return window._workbench.tasks.add("convert", "tiny → Q8_0", "serve", str(model))


def close_as_a_user(window: MainWindow) -> QuitDialog | None:
    """Close the window as its close button does; return the question."""
    QApplication.sendEvent(window.windowHandle(), QCloseEvent())
    asked = QApplication.activeModalWidget()
    return asked if isinstance(asked, QuitDialog) else None


def words_of(dialog: QuitDialog) -> list[str]:
    return [label.whole_text for label in dialog.findChildren(PlainLabel)]


def press(dialog: QuitDialog, words: str) -> None:
    next(b for b in dialog.findChildren(QPushButton) if b.text() == words).click()


def test_nothing_is_asked_when_nothing_runs(window: MainWindow) -> None:
    assert close_as_a_user(window) is None
    assert not window.isVisible()


def test_the_engine_test_asks_nothing(window: MainWindow) -> None:
    window._workbench.tasks.add("probe", "Testing the engine", "self-test")
    assert close_as_a_user(window) is None


def test_cancel_keeps_the_window_and_the_work(window: MainWindow, task: Task) -> None:
    dialog = close_as_a_user(window)
    assert dialog is not None
    lines = words_of(dialog)
    assert "Conversion: tiny → Q8_0" in lines
    assert (
        "In the background, Gristmill finishes this work and quits. "
        "A conversion that you stop starts over."
    ) in lines
    buttons = dialog.findChildren(QPushButton)
    assert all(button.width() >= button.sizeHint().width() for button in buttons)
    press(dialog, "Cancel")
    assert window.isVisible()
    assert task.state == "running"


def test_a_reply_is_named_and_so_is_the_loaded_model(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf")
    window._workbench.engine.load(str(model), "tiny")
    window.chat.composer.set_text("Why?")
    qtbot.keyClick(window.chat.composer.focusProxy(), Qt.Key.Key_Return)
    assert window.chat.session.is_replying
    dialog = close_as_a_user(window)
    assert dialog is not None
    lines = words_of(dialog)
    assert "Reply: Why?" in lines
    assert (
        "In the background, Gristmill finishes this work, unloads the model and quits. "
        "A reply that you stop ends where it is."
    ) in lines
    press(dialog, "Stop and quit")


def test_enter_keeps_the_work_running(window: MainWindow, qtbot: QtBot, task: Task) -> None:
    dialog = close_as_a_user(window)
    assert dialog is not None
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    assert not window.isVisible()
    assert task.state == "running"


def test_stop_ends_every_child(window: MainWindow, task: Task) -> None:
    child = psutil.Process(task._child.process_id)
    waiting = window._workbench.tasks.add("convert", "other → Q8_0", "serve", "other.gguf")
    window.quit()
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, QuitDialog)
    press(dialog, "Stop and quit")
    assert not window.isVisible()
    assert not child.is_running()
    assert waiting.state == "canceled"


def test_the_program_ends_with_the_work(window: MainWindow, qtbot: QtBot, task: Task) -> None:
    engine = window._workbench.engine
    engine.load("/nowhere/made-up.gguf", "made up")
    dialog = close_as_a_user(window)
    assert dialog is not None
    press(dialog, "Keep running in the background")
    qtbot.waitUntil(lambda: isinstance(engine.state, EngineIdle), timeout=10_000)
    assert task.state == "running"
    with qtbot.waitSignal(window._quit_handler.ended, timeout=20_000):
        task.cancel()


def test_a_later_start_brings_the_window_back(
    window: MainWindow, qtbot: QtBot, qapp: QApplication, task: Task
) -> None:
    later = LaterInstances(qapp)
    later.received.connect(window.open_from_later_start)
    dialog = close_as_a_user(window)
    assert dialog is not None
    press(dialog, "Keep running in the background")
    assert not window.isVisible()
    assert not QApplication.quitOnLastWindowClosed()
    assert hand_over([])
    qtbot.waitUntil(window.isVisible, timeout=10_000)
    assert QApplication.quitOnLastWindowClosed()
    assert not window._quit_handler._look.isActive()
    task.cancel()
    later.deleteLater()


def test_the_next_start_tells_what_ended_in_the_background(
    make_window: WindowMaker, qtbot: QtBot, tmp_path: Path
) -> None:
    window = make_window()
    board = window._workbench.tasks
    good = board.add("convert", "tiny → Q8_0", "self-test", "--engine")
    bad = board.add("download", "owner/name", "serve", str(tmp_path / "missing.gguf"))
    dialog = close_as_a_user(window)
    assert dialog is not None
    press(dialog, "Keep running in the background")
    with qtbot.waitSignal(window._quit_handler.ended, timeout=60_000):
        pass
    assert (good.state, bad.state) == ("finished", "failed")
    window.close()

    later = make_window()
    (told,) = [one for one in later.findChildren(NoticeBar) if one.isVisible()]
    assert told.text.startswith("While the window was closed:")
    assert "Finished: tiny → Q8_0" in told.text
    assert f"Failed: owner/name. {bad.sentence}" in told.text
    (button,) = [b for b in told.findChildren(QPushButton) if b.text() == "Show models"]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert later.models.isVisible()
    later.close()
    assert not [one for one in make_window().findChildren(NoticeBar) if one.isVisible()]


def _children(process: psutil.Process, deadline: QDeadlineTimer) -> list[psutil.Process]:
    while not (found := process.children(recursive=True)) and not deadline.hasExpired():
        os.sched_yield()
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_a_session_that_ends_is_not_held_up(home: Path) -> None:
    """The engine's test runs, and nobody is there to answer a question."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    started = subprocess.Popen([sys.executable, "-m", "app"], env=environment)
    children = _children(psutil.Process(started.pid), QDeadlineTimer(60_000))
    assert children
    started.send_signal(signal.SIGTERM)
    assert started.wait(20) == 0
    assert not [child for child in children if child.is_running()]
    # Nothing is left in a log beside the file.
    assert [file.name for file in home.glob("chats.sqlite3*")] == ["chats.sqlite3"]
