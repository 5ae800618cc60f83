"""A conversation that doesn't fit leads to a larger context."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot

from app.core.errors import ErrorCode, ErrorDetails
from app.core.events import ModelListed, Ready
from app.core.sentences import describe_error
from app.gui.services.engine import EngineConnected, EngineReady, EngineState
from app.gui.shell.window import MainWindow
from tests.support.engine.endpoint_server import MODEL, EndpointServer, chunk, event

REPLY_MS = 30_000
PATH = "/models/far.gguf"
FACTS: ErrorDetails = {"tokens": 48_528, "context": 4096}
WORDS = describe_error(ErrorCode.CONTEXT_FULL, FACTS)
ERROR = {"message": WORDS, "type": "x", "code": "context_full", "param": None, "facts": FACTS}
REFUSAL = {"error": ERROR}


def own(url: str) -> EngineState:
    return EngineReady(PATH, "far", Ready(url, "", MODEL, "", 4096, 0, 2))


def other(url: str) -> EngineState:
    return EngineConnected(f"{url}\n{MODEL}", MODEL, url, "", "host")


def ask(
    window: MainWindow, qtbot: QtBot, server: EndpointServer, kind: Callable[[str], EngineState]
) -> list[QAbstractButton]:
    """Return the buttons for a larger context that are seen after a reply."""
    window._workbench.engine._enter(kind(server.url))
    window.chat.composer.set_text("Hello")
    qtbot.keyClick(window.chat.composer.focusProxy(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not window.chat.session.is_replying, timeout=REPLY_MS)
    return offered(window)


def offered(window: MainWindow) -> list[QAbstractButton]:
    buttons = window.chat.messages.findChildren(QAbstractButton)
    return [one for one in buttons if one.text() == "Larger context…" and one.isVisible()]


def refusing() -> EndpointServer:
    return EndpointServer(status=400, lines=lambda: [json.dumps(REFUSAL).encode()])


def test_a_refused_conversation_offers_a_larger_context(window: MainWindow, qtbot: QtBot) -> None:
    with refusing() as server:
        (button,) = ask(window, qtbot, server, own)
    assert "48,528 tokens" in window.chat.session.messages[-1].reason
    assert "4,096" in window.chat.session.messages[-1].reason
    with qtbot.waitSignal(window.chat.picker.options_requested, timeout=5_000) as asked:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert asked.args == [PATH, "far"]
    window.load_options.close()
    window.chat.session.open(window.chat.session.chat)
    qtbot.waitUntil(lambda: len(offered(window)) == 1)


@pytest.mark.parametrize("trained", [32_768, 48_528, 131_072])
def test_a_larger_context_is_offered_only_if_it_helps(
    window: MainWindow, qtbot: QtBot, trained: int
) -> None:
    bench = window._workbench
    bench.models.models = (ModelListed(PATH, "far", "Q4_K_M", "llama", 1, 1, trained),)
    with refusing() as server:
        buttons = ask(window, qtbot, server, own)
    helps = trained > 48_528
    assert len(buttons) == helps
    reason = window.chat.session.messages[-1].reason
    assert "48,528 tokens" in reason
    assert ("Shorten the text, or choose a model with a larger context." in reason) != helps
    assert (f"holds {trained:,} at most" in reason) != helps


def test_a_reply_that_fills_the_context_offers_a_larger_one(
    window: MainWindow, qtbot: QtBot
) -> None:
    lines = [chunk({"content": "So"}), chunk({}, "length"), b"data: [DONE]\n\n"]
    with EndpointServer(lines=lambda: lines) as server:
        assert len(ask(window, qtbot, server, own)) == 1


@pytest.mark.parametrize("is_refused", [True, False])
def test_another_server_offers_none(window: MainWindow, qtbot: QtBot, *, is_refused: bool) -> None:
    with refusing() if is_refused else EndpointServer() as server:
        assert ask(window, qtbot, server, other) == []
    assert window.chat.session.messages[-1].code == ""


def test_a_reply_that_repeats_itself_blames_no_full_context(
    window: MainWindow, qtbot: QtBot
) -> None:
    notice = {"code": "reply_repeats", "message": "The model kept repeating itself.", "facts": {}}
    choice = {"index": 0, "delta": {}, "finish_reason": "length"}
    lines = [chunk({"content": "So so"}), event({"choices": [choice], "notice": notice})]
    with EndpointServer(lines=lambda: [*lines, b"data: [DONE]\n\n"]) as server:
        assert ask(window, qtbot, server, own) == []
    assert window.chat.session.messages[-1].reason == "The model kept repeating itself."
