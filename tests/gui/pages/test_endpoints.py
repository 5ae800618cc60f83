"""Other engines: added in the settings, picked in the chat, and none of them takes us down."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.core import paths
from app.core.events import EndpointListed
from app.gui.client import completion
from app.gui.services.engine import EngineConnected, remote_path
from app.gui.shell.window import MainWindow
from app.gui.widgets.button import Button
from tests.support.engine.endpoint_server import BAD_STREAMS, MODEL, EndpointServer, endless, reply

WAIT_MS = 30_000


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the children too."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")


def add(window: MainWindow, qtbot: QtBot, server: EndpointServer, key: str = "") -> None:
    card = window.settings.endpoints
    window.show_page("settings")
    card.address.setText(server.url)
    card.key.setText(key)
    with qtbot.waitSignal(window._workbench.endpoints.changed, timeout=WAIT_MS):
        qtbot.mouseClick(card.add_button, Qt.MouseButton.LeftButton)


def pick(window: MainWindow, server: EndpointServer) -> None:
    box = window.chat.picker.box
    row = box.findData(remote_path(server.url, MODEL))
    assert row >= 0
    box.setCurrentIndex(row)
    box.activated.emit(row)
    assert isinstance(window._workbench.engine.state, EngineConnected)


def talk_to(window: MainWindow, server: EndpointServer, key: str = "") -> None:
    listed = EndpointListed(server.url, "far", (MODEL,), key)
    window._workbench.engine.connect_to(listed, MODEL)


def ask(window: MainWindow, qtbot: QtBot) -> None:
    window.chat.start_new()
    assert window.chat.session.send("The capital of France?")
    qtbot.waitUntil(lambda: not window.chat.session.is_replying, timeout=WAIT_MS)


def test_a_server_is_added_picked_and_answers(window: MainWindow, qtbot: QtBot) -> None:
    with EndpointServer(lines=lambda: reply("It is Paris.", "Which France?"), key="s3") as server:
        add(window, qtbot, server, "s3")
        assert "s3" not in paths.endpoints_file().read_text()
        pick(window, server)
        ask(window, qtbot)
        path, headers, body = server.asked[-1]
    message = window.chat.session.messages[-1]
    assert (message.text, message.thoughts) == ("ItisParis.", "Which France? ")
    assert (message.state, message.model, message.tokens) == ("complete", MODEL, 3)
    assert message.tokens_per_second
    assert (path, headers["Authorization"]) == ("/v1/chat/completions", "Bearer s3")
    assert body == {
        "model": MODEL,
        "messages": [{"role": "user", "content": "The capital of France?"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_the_system_prompt_comes_first(window: MainWindow, qtbot: QtBot) -> None:
    window._workbench.settings.change(system_prompt=" Be brief. ")
    with EndpointServer() as server:
        talk_to(window, server)
        ask(window, qtbot)
        _, _, body = server.asked[-1]
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["messages"][0]["content"] == "Be brief."


def test_the_thoughts_of_ollama_and_vllm_have_another_name(
    window: MainWindow, qtbot: QtBot
) -> None:
    with EndpointServer(lines=lambda: reply("Paris", "Hm.", "reasoning")) as server:
        talk_to(window, server)
        ask(window, qtbot)
    assert window.chat.session.messages[-1].thoughts == "Hm. "


def test_a_server_that_does_not_answer_is_not_added(window: MainWindow, qtbot: QtBot) -> None:
    card = window.settings.endpoints
    with EndpointServer(models=b"<html>") as server:
        card.address.setText(server.url)
        with qtbot.waitSignal(window._workbench.endpoints.failed, timeout=WAIT_MS):
            card.add_button.click()
    assert "not an OpenAI-compatible server" in card._state.text()
    assert not paths.endpoints_file().exists()
    assert card.add_button.isEnabled()


def test_what_is_no_address_is_refused_at_its_field(window: MainWindow, qtbot: QtBot) -> None:
    card = window.settings.endpoints
    card.address.setText("nonsense not a url")
    with qtbot.waitSignal(window._workbench.endpoints.failed, timeout=WAIT_MS):
        card.add_button.click()
    assert card._state.text().startswith("“nonsense not a url” is not an address.")
    assert card.address.property("invalid")
    assert not paths.endpoints_file().exists()
    card.address.setText("nonsense")
    assert not card.address.property("invalid")


def test_a_removed_server_is_gone(window: MainWindow, qtbot: QtBot) -> None:
    with EndpointServer() as server:
        add(window, qtbot, server)
        remove = next(
            button
            for button in window.settings.endpoints.findChildren(Button)
            if button.text() == "Remove"
        )
        with qtbot.waitSignal(window._workbench.endpoints.changed, timeout=WAIT_MS):
            remove.click()
    assert window.chat.picker.box.findData(remote_path(server.url, MODEL)) < 0


def test_a_server_that_is_down_is_said_and_keeps_nobody_from_the_rest(
    window: MainWindow, qtbot: QtBot
) -> None:
    with EndpointServer() as server:
        add(window, qtbot, server)
    bench = window._workbench
    with qtbot.waitSignal(bench.endpoints.changed, timeout=WAIT_MS):
        bench.endpoints.refresh()
    (listed,) = bench.endpoints.endpoints
    assert listed.models == ()
    assert listed.problem is not None
    talk_to(window, server)
    ask(window, qtbot)
    message = window.chat.session.messages[-1]
    assert message.state == "failed"
    assert "far" in message.reason


@pytest.mark.parametrize("fault", BAD_STREAMS)
def test_a_broken_server_costs_one_reply(window: MainWindow, qtbot: QtBot, fault: str) -> None:
    with EndpointServer(lines=BAD_STREAMS[fault]) as server:
        talk_to(window, server)
        ask(window, qtbot)
    message = window.chat.session.messages[-1]
    assert message.state in ("failed", "complete")
    assert message.state == "complete" or message.reason
    assert message.state == "failed" or not message.text
    with EndpointServer() as better:
        talk_to(window, better)
        ask(window, qtbot)
    assert window.chat.session.messages[-1].text == "Paris"


@pytest.mark.parametrize("status", [301, 302, 307, 308, 401, 404, 429, 500])
def test_no_other_status_is_a_reply_and_nobody_else_gets_the_key(
    window: MainWindow, qtbot: QtBot, status: int
) -> None:
    with EndpointServer() as elsewhere:
        headers = {"Location": f"{elsewhere.url}/v1/chat/completions"}
        with EndpointServer(status=status, headers=headers) as server:
            talk_to(window, server, "secret")
            ask(window, qtbot)
        assert elsewhere.asked == []
    assert window.chat.session.messages[-1].state == "failed"
    assert window.chat.session.messages[-1].reason


def test_a_server_that_falls_silent_is_given_up(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completion, "_SILENCE_MILLISECONDS", 200)
    with EndpointServer(lines=_silent_after_first(lambda: server)) as server:
        talk_to(window, server)
        ask(window, qtbot)
    assert "stopped responding" in window.chat.session.messages[-1].reason


def _silent_after_first(server: Callable[[], EndpointServer]) -> Callable[[], object]:
    def lines() -> object:
        yield reply("Par")[0]
        server().is_ending.wait()
        yield from endless()

    return lines
