"""The keyboard is where the next words go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QLineEdit, QMenu
from pytestqt.qtbot import QtBot

from app.core import paths
from app.core.events import EndpointListed
from app.gui.services.engine import EngineLoading
from app.gui.shell.window import MainWindow
from tests.gui.conftest import WindowMaker
from tests.support.engine.endpoint_server import MODEL, EndpointServer, Lines, chunk
from tests.support.engine.tiny_model import write_tiny_model

REPLY_MS = 60_000


@pytest.fixture
def with_model(make_window: WindowMaker, home: Path) -> MainWindow:
    paths.default_models_folder().mkdir(parents=True, exist_ok=True)
    write_tiny_model(paths.default_models_folder() / "tiny.gguf")
    return make_window()


def test_after_choosing_a_model_the_first_words_are_a_message(
    with_model: MainWindow, qtbot: QtBot
) -> None:
    window, box = with_model, with_model.chat.picker.box
    window.activateWindow()
    box.setFocus()
    qtbot.waitUntil(box.hasFocus)
    qtbot.keyClick(box, Qt.Key.Key_Down)
    qtbot.keyClick(box.view(), Qt.Key.Key_Return)
    field = window.chat.composer.focusProxy()
    qtbot.waitUntil(field.hasFocus)
    assert isinstance(window._workbench.engine.state, EngineLoading)
    qtbot.keyClicks(window.focusWidget(), "Hello there")
    assert window.chat.composer.text == "Hello there"
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Return)
    session = window.chat.session
    assert session.messages[0].text == "Hello there"
    qtbot.waitUntil(lambda: not session.is_replying, timeout=REPLY_MS)
    assert session.messages[1].state == "complete", session.messages[1]


def begin_reply(window: MainWindow, qtbot: QtBot, server: EndpointServer) -> None:
    listed = EndpointListed(server.url, "far", (MODEL,), "")
    window._workbench.engine.connect_to(listed, MODEL)
    window.chat.composer.set_text("Count to a million")
    qtbot.keyClick(window.chat.composer.focusProxy(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(window.chat.messages.text_of_last()), timeout=REPLY_MS)


def lasting_reply(server: EndpointServer) -> Lines:
    """One line of a reply, and the end only with the server's."""
    yield chunk({"content": "One. "})
    server.is_ending.wait()


@pytest.fixture
def server() -> Iterator[EndpointServer]:
    with EndpointServer(lines=lambda: lasting_reply(made)) as made:
        yield made


def test_escape_stops_the_reply_wherever_the_focus_is(
    window: MainWindow, qtbot: QtBot, server: EndpointServer
) -> None:
    session = window.chat.session
    places = [
        window.chat.composer.focusProxy(),
        window.chat.chat_list.new_button,
        window.chat.picker.box,
        window.rail.findChild(QAbstractButton),
    ]
    for place in places:
        begin_reply(window, qtbot, server)
        window.activateWindow()
        place.setFocus()
        qtbot.waitUntil(place.hasFocus)
        qtbot.keyClick(place, Qt.Key.Key_Escape)
        assert not session.is_replying, place
        assert session.messages[-1].state == "stopped"


def test_escape_clears_the_search_first(
    window: MainWindow, qtbot: QtBot, server: EndpointServer
) -> None:
    begin_reply(window, qtbot, server)
    search = window.chat.chat_list.search
    window.activateWindow()
    search.setFocus()
    qtbot.waitUntil(search.hasFocus)
    qtbot.keyClicks(search, "million")
    qtbot.keyClick(search, Qt.Key.Key_Escape)
    assert search.text() == ""
    assert window.chat.session.is_replying
    qtbot.keyClick(search, Qt.Key.Key_Escape)
    assert not window.chat.session.is_replying


def test_after_another_reply_is_wanted_the_composer_has_the_focus(
    window: MainWindow, qtbot: QtBot, server: EndpointServer
) -> None:
    begin_reply(window, qtbot, server)
    window.chat.session.stop()
    window.activateWindow()
    again = next(
        button
        for button in window.chat.messages.findChildren(QAbstractButton)
        if button.accessibleName() == "Retry" and button.isVisible()
    )
    again.setFocus()
    qtbot.keyClick(again, Qt.Key.Key_Space)
    assert window.chat.session.is_replying
    qtbot.waitUntil(window.chat.composer.focusProxy().hasFocus)


def test_escape_closes_what_is_open_first(
    window: MainWindow, qtbot: QtBot, server: EndpointServer
) -> None:
    begin_reply(window, qtbot, server)
    chat = window.chat
    window.activateWindow()
    box, rows = chat.picker.box, chat.chat_list.list
    box.showPopup()
    popup = box.view().window()
    qtbot.waitUntil(popup.isVisible)
    qtbot.keyClick(box.view(), Qt.Key.Key_Escape)
    assert not popup.isVisible()
    rows.menu_requested.emit(rows.currentItem(), window.pos())
    menu = chat.chat_list.findChild(QMenu)
    qtbot.waitUntil(menu.isVisible)
    qtbot.keyClick(menu, Qt.Key.Key_Escape)
    rows.setFocus()
    qtbot.keyClick(rows, Qt.Key.Key_F2)
    qtbot.keyClick(rows.findChild(QLineEdit), Qt.Key.Key_Escape)
    assert not rows.is_editing
    assert chat.session.is_replying
    chat.session.stop()
