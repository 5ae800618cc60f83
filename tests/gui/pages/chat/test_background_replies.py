"""A reply goes on while another chat is open, and the list says where."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.chat.conversation import Chat
from app.core.events import EndpointListed
from app.gui.shell.window import MainWindow
from tests.support.engine.endpoint_server import MODEL, EndpointServer, Lines, chunk

REPLY_MS = 30_000


class SlowServer:
    """Writes the first word of each reply at once, and the rest when it may go on."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.server = EndpointServer(lines=self._lines)

    def _lines(self) -> Lines:
        yield chunk({"content": "One "})
        self.goes_on.wait()
        yield chunk({"content": "two"})
        yield chunk({}, "stop")
        yield b"data: [DONE]\n\n"


@pytest.fixture
def slow(window: MainWindow) -> Iterator[SlowServer]:
    made = SlowServer()
    with made.server as server:
        window._workbench.engine.connect_to(EndpointListed(server.url, "far", (MODEL,), ""), MODEL)
        yield made
        made.goes_on.set()


def ask(window: MainWindow, qtbot: QtBot, question: str) -> Chat:
    window.chat.composer.set_text(question)
    qtbot.keyClick(window.chat.composer.focusProxy(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.chat.messages.text_of_last() == "One ", timeout=REPLY_MS)
    chat = window.chat.session.chat
    assert chat is not None
    return chat


def marked(window: MainWindow) -> list[str]:
    rows = window.chat.chat_list.list
    items = [rows.item(index) for index in range(rows.count())]
    return [item.text() for item in items if not item.icon().isNull()]


def test_a_reply_goes_on_in_a_chat_that_is_not_open(
    window: MainWindow, qtbot: QtBot, slow: SlowServer
) -> None:
    session, chats = window.chat.session, window._workbench.chats
    first = ask(window, qtbot, "First")
    assert marked(window) == ["First"]
    qtbot.mouseClick(window.chat.chat_list.new_button, Qt.MouseButton.LeftButton)
    assert not session.is_replying
    assert marked(window) == ["First"]
    second = ask(window, qtbot, "Second")
    assert sorted(marked(window)) == ["First", "Second"]
    slow.goes_on.set()
    qtbot.waitUntil(lambda: not session.replying, timeout=REPLY_MS)
    assert marked(window) == []
    for chat in (first, second):
        reply = chats.messages(chat.id)[-1]
        assert (reply.state, reply.text) == ("complete", "One two")
    assert window.chat.messages.text_of_last() == "One two"


def test_a_chat_that_is_opened_again_shows_its_reply_grow(
    window: MainWindow, qtbot: QtBot, slow: SlowServer
) -> None:
    session = window.chat.session
    first = ask(window, qtbot, "First")
    window.chat.start_new()
    session.open(first)
    assert session.is_replying
    assert window.chat.messages.text_of_last() == "One "
    slow.goes_on.set()
    qtbot.waitUntil(lambda: not session.is_replying, timeout=REPLY_MS)
    assert window.chat.messages.text_of_last() == "One two"
    assert session.messages[-1].state == "complete"


def test_stopping_stops_the_reply_that_is_seen(
    window: MainWindow, qtbot: QtBot, slow: SlowServer
) -> None:
    session = window.chat.session
    first = ask(window, qtbot, "First")
    window.chat.start_new()
    second = ask(window, qtbot, "Second")
    qtbot.keyClick(window.chat.composer.focusProxy(), Qt.Key.Key_Escape)
    assert session.replying == {first.id}
    assert window._workbench.chats.messages(second.id)[-1].state == "stopped"


def test_deleting_a_chat_ends_its_reply(window: MainWindow, qtbot: QtBot, slow: SlowServer) -> None:
    first = ask(window, qtbot, "First")
    window.chat.chat_list._delete(first)
    assert not window.chat.session.replying
    assert window.chat.session.chat is None
    second = ask(window, qtbot, "Second")
    window.chat.start_new()
    window.chat.chat_list._delete(second)
    assert not window.chat.session.replying
