"""A sent message is edited in the composer and sent as another version."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.core.events import EndpointListed
from app.gui.shell.window import MainWindow
from tests.gui.pages.chat.test_regenerating import open_chat, press, shown
from tests.support.engine.endpoint_server import MODEL, EndpointServer


@pytest.fixture
def connected(window: MainWindow) -> Iterator[MainWindow]:
    """A window with an old chat, connected to a model that answers."""
    with EndpointServer() as server:
        window._workbench.engine.connect_to(EndpointListed(server.url, "far", (MODEL,)), MODEL)
        open_chat(window, "Because.")
        yield window


def test_an_edited_message_is_sent_as_another_version(connected: MainWindow, qtbot: QtBot) -> None:
    chat, session = connected.chat, connected.chat.session
    field = chat.composer.focusProxy()
    qtbot.keyClicks(field, "A draft")
    press(connected, qtbot, "Edit message")
    assert chat.editing.isVisible()
    assert chat.composer.text == "Why?"
    qtbot.keyClicks(field, " Please.")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert shown(connected)[0] == "Why? Please."
    assert chat.editing.isHidden()
    assert chat.composer.text == "A draft"
    qtbot.waitUntil(lambda: not session.is_replying, timeout=30_000)
    assert [one.state for one in session.messages] == ["complete", "complete"]
    assert session.versions.place_of(session.messages[0]) == (2, 2)
    press(connected, qtbot, "Earlier version")
    assert shown(connected) == ["Why?", "Because."]


@pytest.mark.parametrize("way", ["escape", "button", "another chat"])
def test_editing_can_be_canceled(connected: MainWindow, qtbot: QtBot, way: str) -> None:
    chat = connected.chat
    field = chat.composer.focusProxy()
    connected.activateWindow()
    qtbot.keyClicks(field, "A draft")
    press(connected, qtbot, "Edit message")
    qtbot.keyClicks(field, " Never.")
    if way == "escape":
        qtbot.waitUntil(field.hasFocus)
        qtbot.keyClick(field, Qt.Key.Key_Escape)
    elif way == "button":
        qtbot.mouseClick(chat.editing.cancel_button, Qt.MouseButton.LeftButton)
    else:
        first = chat.session.chat
        chat.start_new()
        assert chat.composer.text == ""
        chat.session.open(first)
    assert chat.composer.text == "A draft"
    assert chat.editing.isHidden()
    assert shown(connected) == ["Why?", "Because."]
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert shown(connected)[:3] == ["Why?", "Because.", "A draft"]
    chat.session.stop()
