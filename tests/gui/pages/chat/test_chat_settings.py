"""The chat settings show what applies and from where; the server gets what the user chose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.core.chat_settings import NOTHING_CHOSEN, ChatSettings
from app.core.events import EndpointListed, Ready, SamplingDefault
from app.gui.pages.chat.applied_settings import applied_number, applied_settings
from app.gui.services.engine import EngineIdle, EngineReady
from app.gui.shell.window import MainWindow
from app.library.reply_defaults import STARTER_FILE_NAME, reply_defaults
from tests.support.engine.endpoint_server import MODEL, EndpointServer, chunk

REPLY_MS = 30_000


@pytest.fixture
def server(window: MainWindow) -> Iterator[EndpointServer]:
    with EndpointServer() as server:
        window._workbench.engine.connect_to(EndpointListed(server.url, "far", (MODEL,), ""), MODEL)
        yield server


def ask(window: MainWindow, qtbot: QtBot, server: EndpointServer) -> Any:
    """Send a message, and return the body that the server received."""
    asked = len(server.asked)
    window.chat.composer.set_text("Hello")
    qtbot.keyClick(window.chat.composer.focusProxy(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(server.asked) > asked, timeout=REPLY_MS)
    qtbot.waitUntil(lambda: not window.chat.session.is_replying, timeout=REPLY_MS)
    return server.asked[-1][2]


def enter(window: MainWindow, qtbot: QtBot, name: str, text: str) -> None:
    box = window.chat.panel.numbers[name].box
    box.selectAll()
    qtbot.keyClicks(box, text)
    qtbot.keyClick(box, Qt.Key.Key_Return)


def test_the_server_gets_what_was_chosen(
    window: MainWindow, qtbot: QtBot, server: EndpointServer
) -> None:
    chosen = {
        "temperature": 0.35,
        "top_p": 0.9,
        "top_k": 20,
        "min_p": 0.02,
        "repeat_penalty": 1.1,
        "max_tokens": 99,
        "seed": 7,
    }
    window.chat.header.settings_button.click()
    for name, value in chosen.items():
        enter(window, qtbot, name, str(value))
    window.chat.panel.prompt.setFocus()
    window.chat.panel.prompt.setPlainText("Be brief.")
    window.chat.composer.setFocus()
    window.chat.panel.prompt._emit()
    body = ask(window, qtbot, server)
    assert {name: body[name] for name in chosen} == chosen
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}


def test_nothing_chosen_is_left_to_the_server(
    window: MainWindow, qtbot: QtBot, server: EndpointServer
) -> None:
    body = ask(window, qtbot, server)
    assert set(body) == {"messages", "model", "stream", "stream_options"}


def test_each_chat_has_its_own_settings(
    window: MainWindow, qtbot: QtBot, server: EndpointServer
) -> None:
    session, panel = window.chat.session, window.chat.panel
    enter(window, qtbot, "temperature", "0.5")
    ask(window, qtbot, server)
    first = session.chat
    assert first is not None
    window.chat.start_new()
    assert panel.numbers["temperature"].box.number is None
    assert "temperature" not in ask(window, qtbot, server)
    session.open(first)
    assert panel.numbers["temperature"].box.number == 0.5
    assert ask(window, qtbot, server)["temperature"] == 0.5
    qtbot.mouseClick(panel.reset_button, Qt.MouseButton.LeftButton)
    assert "temperature" not in ask(window, qtbot, server)


def test_new_chats_start_with_the_default(
    window: MainWindow, qtbot: QtBot, server: EndpointServer
) -> None:
    ask(window, qtbot, server)
    old = window.chat.session.chat
    enter(window, qtbot, "top_k", "3")
    window.chat.panel.prompt.setPlainText("Be brief.")
    window.chat.panel.prompt._emit()
    qtbot.mouseClick(window.chat.panel.keep_button, Qt.MouseButton.LeftButton)
    window.chat.start_new()
    body = ask(window, qtbot, server)
    assert body["top_k"] == 3
    assert body["messages"][0]["content"] == "Be brief."
    settings = window._workbench.settings.value
    assert settings.chat_defaults == ChatSettings(top_k=3)
    assert settings.system_prompt == "Be brief."
    assert old is not None


def test_an_emptied_number_is_the_servers_again(
    window: MainWindow, qtbot: QtBot, server: EndpointServer
) -> None:
    enter(window, qtbot, "seed", "5")
    assert window.chat.session.chosen.seed == 5
    box = window.chat.panel.numbers["seed"].box
    box.selectAll()
    qtbot.keyClick(box, Qt.Key.Key_Delete)
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert window.chat.session.chosen == NOTHING_CHOSEN
    assert "seed" not in ask(window, qtbot, server)


def test_a_step_starts_from_what_applies(window: MainWindow, qtbot: QtBot) -> None:
    defaults = {"temperature": SamplingDefault(0.6, True)}
    ready = Ready("http://127.0.0.1:1", "", "m", "", 4096, 0, 2, sampling=defaults)
    engine = window._workbench.engine
    engine.state = EngineReady("/models/m.gguf", "m", ready)
    engine.changed.emit(engine.state)
    row = window.chat.panel.numbers["temperature"]
    assert row.box.text() == "0.6"
    assert row.source == "From the model"
    row.box.stepUp()
    assert window.chat.session.chosen.temperature == 0.65
    assert row.source == "Set for this chat"
    qtbot.mouseClick(row.undo, Qt.MouseButton.LeftButton)
    assert row.box.text() == "0.6"


def test_sources_of_a_value() -> None:
    sampling = {
        "temperature": SamplingDefault(0.6, True),
        "top_p": SamplingDefault(0.95, False),
    }
    ready = Ready("http://127.0.0.1:1", "", "m", "", 4096, 0, 2, sampling=sampling)
    other = EngineReady("/models/m.gguf", "m", ready)
    starter = EngineReady(f"/models/{STARTER_FILE_NAME}", "m", ready)
    mine = ChatSettings(temperature=1.5)
    found = {
        "mine": applied_number("temperature", mine, starter),
        "starter": applied_number("temperature", NOTHING_CHOSEN, starter),
        "model": applied_number("temperature", NOTHING_CHOSEN, other),
        "general": applied_number("top_p", NOTHING_CHOSEN, other),
        "unknown": applied_number("top_p", NOTHING_CHOSEN, EngineIdle()),
    }
    values = {name: applied.value for name, applied in found.items()}
    recommended = reply_defaults(starter.path).temperature
    assert values == {
        "mine": 1.5,
        "starter": recommended,
        "model": 0.6,
        "general": 0.95,
        "unknown": None,
    }
    assert len({applied.source for applied in found.values()}) == len(found)


def test_the_chat_wins_over_settings_and_these_over_the_starter(window: MainWindow) -> None:
    ready = Ready("http://127.0.0.1:1", "", "m", "", 4096, 0, 2)
    starter = EngineReady(f"/models/{STARTER_FILE_NAME}", "m", ready)
    settings = window._workbench.settings
    assert applied_settings(NOTHING_CHOSEN, settings.value, starter) == reply_defaults(starter.path)
    settings.change(system_prompt="General")
    applied = applied_settings(NOTHING_CHOSEN, settings.value, starter)
    assert applied.system_prompt == "General"
    applied = applied_settings(ChatSettings(system_prompt="Own"), settings.value, starter)
    assert applied.system_prompt == "Own"
    assert applied.temperature == reply_defaults(starter.path).temperature


def test_a_reply_at_its_limit_says_so(window: MainWindow, qtbot: QtBot) -> None:
    usage = b'data: {"choices": [], "usage": {"completion_tokens": 2}}\n\n'
    lines = [chunk({"content": "Too"}), chunk({"content": " long"}, "length"), usage]
    with EndpointServer(lines=lambda: [*lines, b"data: [DONE]\n\n"]) as server:
        window._workbench.engine.connect_to(EndpointListed(server.url, "far", (MODEL,), ""), MODEL)
        enter(window, qtbot, "max_tokens", "2")
        ask(window, qtbot, server)
    assert "limit of 2 tokens" in window.chat.session.messages[-1].reason


def test_the_panel_opens_and_closes(window: MainWindow, qtbot: QtBot) -> None:
    header, panel = window.chat.header, window.chat.panel
    assert panel.isHidden()
    qtbot.mouseClick(header.settings_button, Qt.MouseButton.LeftButton)
    assert panel.isVisible()
    qtbot.mouseClick(panel.close_button, Qt.MouseButton.LeftButton)
    assert panel.isHidden()
    assert not header.settings_button.isChecked()
