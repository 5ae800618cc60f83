"""A chat without a loaded model is no dead end: its model is one click or one message away."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QWidget
from pytestqt.qtbot import QtBot

from app.core.events import EndpointListed
from app.gui.services.engine import EngineConnected, EngineIdle, EngineLoading, EngineReady
from app.gui.services.model_entry import ModelEntry, entry_to_continue_with
from app.gui.shell.window import MainWindow
from tests.gui.conftest import WindowMaker
from tests.gui.pages.chat.test_regenerating import open_chat
from tests.support.engine.endpoint_server import MODEL, EndpointServer
from tests.support.engine.tiny_model import write_tiny_model

REPLY_MS = 60_000


def connect(window: MainWindow, server: EndpointServer) -> None:
    """List a server's model, the only one."""
    window._workbench.endpoints.endpoints = (EndpointListed(server.url, "far", (MODEL,)),)
    window._workbench.endpoints.changed.emit()


def retry_button(window: MainWindow) -> QAbstractButton:
    buttons = window.chat.messages.findChildren(QAbstractButton)
    return next(one for one in buttons if one.accessibleName() == "Regenerate")


def test_the_model_of_the_chat_comes_before_the_last_one() -> None:
    used, last, namesake = ModelEntry("a", "used"), ModelEntry("b", "last"), ModelEntry("c", "used")
    assert entry_to_continue_with([used, last], "b", "used") == used
    assert entry_to_continue_with([used, last], "b", "gone") == last
    assert entry_to_continue_with([used, last, namesake], "c", "used") == namesake
    assert entry_to_continue_with([used, last], "gone", "gone") is None
    assert entry_to_continue_with([last], "gone", "gone") == last
    assert entry_to_continue_with([], "b", "used") is None


def test_one_click_loads_the_model_of_an_old_chat(
    make_window: WindowMaker, qtbot: QtBot, home: Path
) -> None:
    for name in ("a model", "other"):
        write_tiny_model(home / "models" / f"{name}.gguf")
    window = make_window()
    note = window.chat.footer.resume_note
    assert note.isHidden()
    open_chat(window, "Because.")
    assert note.button.text() == "Continue with a model"
    qtbot.mouseClick(note.button, Qt.MouseButton.LeftButton)
    engine = window._workbench.engine
    assert isinstance(engine.state, EngineLoading)
    assert note.isHidden()
    qtbot.waitUntil(lambda: isinstance(engine.state, EngineReady), timeout=REPLY_MS)
    assert engine.state.name == "a model"


def test_a_message_in_an_old_chat_loads_its_model(window: MainWindow, qtbot: QtBot) -> None:
    with EndpointServer() as server:
        connect(window, server)
        open_chat(window, "Because.")
        qtbot.keyClicks(window.chat.composer.focusProxy(), "Really?")
        qtbot.keyClick(window.chat.composer.focusProxy(), Qt.Key.Key_Return)
        assert isinstance(window._workbench.engine.state, EngineConnected)
        session = window.chat.session
        qtbot.waitUntil(lambda: not session.is_replying, timeout=REPLY_MS)
    assert [one.state for one in session.messages] == ["complete"] * 4
    assert session.messages[-1].model == MODEL


def test_another_reply_in_an_old_chat_loads_its_model(window: MainWindow, qtbot: QtBot) -> None:
    with EndpointServer() as server:
        connect(window, server)
        open_chat(window, "Because.")
        qtbot.mouseClick(retry_button(window), Qt.MouseButton.LeftButton)
        session = window.chat.session
        assert session.is_replying
        qtbot.waitUntil(lambda: not session.is_replying, timeout=REPLY_MS)
    assert session.messages[-1].model == MODEL
    assert window.chat.notice.isHidden()


def test_a_first_message_loads_the_only_model(window: MainWindow, qtbot: QtBot) -> None:
    with EndpointServer() as server:
        connect(window, server)
        qtbot.keyClicks(window.chat.composer.focusProxy(), "Hello")
        qtbot.keyClick(window.chat.composer.focusProxy(), Qt.Key.Key_Return)
        session = window.chat.session
        qtbot.waitUntil(lambda: not session.is_replying, timeout=REPLY_MS)
    assert session.chat is not None
    assert session.chat.model == MODEL
    assert session.messages[-1].state == "complete"


def test_without_any_model_the_way_to_one_is_shown(window: MainWindow, qtbot: QtBot) -> None:
    open_chat(window, "Because.")
    note = window.chat.footer.resume_note
    assert note.button.text() == "Get a model"
    with qtbot.waitSignal(window.chat.models_requested, timeout=5_000):
        qtbot.mouseClick(note.button, Qt.MouseButton.LeftButton)


def test_among_several_models_the_list_opens(window: MainWindow, qtbot: QtBot) -> None:
    listed = EndpointListed("http://far:1", "far", ("one", "two"))
    window._workbench.endpoints.endpoints = (listed,)
    window._workbench.endpoints.changed.emit()
    open_chat(window, "Because.")
    note = window.chat.footer.resume_note
    assert note.button.text() == "Choose a model"
    qtbot.mouseClick(note.button, Qt.MouseButton.LeftButton)
    box = window.chat.picker.box
    qtbot.waitUntil(box.view().isVisible)
    box.hidePopup()


def test_the_notice_about_a_missing_model_goes(window: MainWindow, qtbot: QtBot) -> None:
    open_chat(window, "Because.")
    notice = window.chat.notice
    qtbot.mouseClick(retry_button(window), Qt.MouseButton.LeftButton)
    assert notice.isVisible()
    open_chat(window, "Otherwise.")
    assert notice.isHidden()
    qtbot.mouseClick(retry_button(window), Qt.MouseButton.LeftButton)
    assert notice.isVisible()
    with EndpointServer() as server:
        listed = EndpointListed(server.url, "far", (MODEL,))
        window._workbench.engine.connect_to(listed, MODEL)
        assert notice.isHidden()
        window._workbench.engine.unload()
    assert isinstance(window._workbench.engine.state, EngineIdle)


@pytest.mark.parametrize("width", [820, 1600])
def test_the_notes_stand_in_the_column_of_the_composer(
    window: MainWindow, qtbot: QtBot, width: int
) -> None:
    open_chat(window, "Because.")
    chat = window.chat
    window._workbench.engine.changed.emit(EngineLoading("/models/starter", "starter", 0.5))
    chat.footer.starter_note.show()
    window.resize(width, 700)

    def edges() -> set[tuple[int, int]]:
        parts: list[QWidget] = [chat.footer.starter_note, chat.footer.resume_note, chat.composer]
        assert all(part.isVisible() for part in parts)
        return {(part.mapTo(window, part.rect().topLeft()).x(), part.width()) for part in parts}

    qtbot.waitUntil(lambda: window.width() == width and len(edges()) == 1)
