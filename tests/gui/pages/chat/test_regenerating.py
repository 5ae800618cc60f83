"""Another reply never takes a good one away."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.gui.services.engine import EngineFailed
from app.gui.shell.window import MainWindow


def open_chat(window: MainWindow, reply: str) -> None:
    chats = window._workbench.chats
    chat = chats.create_chat("a model")
    asked = chats.add_message(chat.id, None, "user", "Why?")
    chats.add_message(chat.id, asked.id, "assistant", reply, model="a model")
    window.chat.session.open(chat)


def shown(window: MainWindow) -> list[str]:
    return [message.text for message in window.chat.session.messages]


def test_without_a_model_the_reply_stays(window: MainWindow, qtbot: QtBot) -> None:
    open_chat(window, "Because.")
    qtbot.keyClick(window, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    assert shown(window) == ["Why?", "Because."]
    assert "Load a model" in window.chat.notice.text


def test_a_failure_before_the_first_word_brings_the_reply_back(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    open_chat(window, "Because.")
    engine = window._workbench.engine
    engine.load(str(tmp_path / "gone.gguf"), "gone")
    window.chat.session.regenerate()
    qtbot.waitUntil(lambda: isinstance(engine.state, EngineFailed), timeout=30_000)
    qtbot.waitUntil(lambda: not window.chat.session.is_replying, timeout=30_000)
    assert shown(window) == ["Why?", "Because."]
    assert window.chat.messages.text_of_last() == "Because."
    assert len(window._workbench.chats.messages(window.chat.session.chat.id)) == 2
