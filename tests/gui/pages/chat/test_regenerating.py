"""Another reply never takes a good one away."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot

from app.core.events import EndpointListed
from app.gui.services.engine import EngineFailed
from app.gui.shell.window import MainWindow
from tests.support.engine.endpoint_server import MODEL, EndpointServer


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


def press(window: MainWindow, qtbot: QtBot, name: str) -> None:
    def found() -> list[QAbstractButton]:
        buttons = window.chat.messages.findChildren(QAbstractButton)
        return [one for one in buttons if one.accessibleName() == name and one.isVisible()]

    qtbot.waitUntil(lambda: len(found()) == 1)
    qtbot.mouseClick(found()[0], Qt.MouseButton.LeftButton)


def test_the_earlier_reply_can_be_shown_again(window: MainWindow, qtbot: QtBot) -> None:
    open_chat(window, "Because.")
    switch = window.chat.messages._views[-1].versions
    assert switch.isHidden()
    with EndpointServer() as server:
        listed = EndpointListed(server.url, "far", (MODEL,))
        window._workbench.engine.connect_to(listed, MODEL)
        press(window, qtbot, "Regenerate")
        session = window.chat.session
        qtbot.waitUntil(lambda: not session.is_replying, timeout=30_000)
    newer = window.chat.messages.text_of_last()
    assert newer != "Because."
    assert session.versions.place_of(session.messages[-1]) == (2, 2)
    press(window, qtbot, "Earlier version")
    assert shown(window) == ["Why?", "Because."]
    assert window.chat.messages.text_of_last() == "Because."
    chats = window._workbench.chats
    assert chats.messages(session.chat.id)[-1].text == "Because."
    press(window, qtbot, "Later version")
    assert window.chat.messages.text_of_last() == newer
    session.open(session.chat)
    assert session.versions.place_of(session.messages[-1]) == (2, 2)


def test_a_version_comes_with_what_follows_it(window: MainWindow, qtbot: QtBot) -> None:
    open_chat(window, "Because.")
    session, chats = window.chat.session, window._workbench.chats
    asked, replied = session.messages
    chats.add_message(asked.chat, replied.id, "user", "And then?")
    chats.add_message(asked.chat, None, "user", "Why not?")
    session.open(session.chat)
    assert shown(window) == ["Why not?"]
    press(window, qtbot, "Earlier version")
    assert shown(window) == ["Why?", "Because.", "And then?"]


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
