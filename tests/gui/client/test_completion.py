"""Notices of our own server are passed on; other servers have none."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from app.gui.client.completion import Completion
from app.gui.client.wire import ChatServer, WireMessage
from tests.support.engine.endpoint_server import MODEL, EndpointServer, chunk, event

STOPPED = {"code": "reply_repeats", "message": "The model said the same again.", "facts": {}}


@pytest.mark.parametrize(
    ("notice", "is_own", "found"),
    [(STOPPED, True, [STOPPED["message"]]), (STOPPED, False, []), (["odd"], False, [])],
)
def test_notices_of_a_reply(qtbot: QtBot, notice: object, is_own: bool, found: list[str]) -> None:
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "notice": notice}
    lines = [chunk({"content": "Paris"}), event(end), b"data: [DONE]\n\n"]
    with EndpointServer(lines=lambda: lines) as server:
        asked = ChatServer(server.url, "", MODEL, is_own=is_own)
        completion = Completion(asked, [WireMessage("user", "Hi")])
        notices: list[str] = []
        words: list[str] = []
        completion.noticed.connect(notices.append)
        completion.received.connect(words.append)
        with qtbot.waitSignal(completion.finished, timeout=10_000):
            pass
    assert (words, notices) == (["Paris"], found)


def test_a_server_without_timings_gets_no_decimals(qtbot: QtBot) -> None:
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    usage = {"choices": [], "usage": {"completion_tokens": 3000}}
    lines = [chunk({"content": "Paris"}), event(end), event(usage), b"data: [DONE]\n\n"]
    with EndpointServer(lines=lambda: lines) as server:
        completion = Completion(
            ChatServer(server.url, "", MODEL, is_own=False), [WireMessage("user", "Hi")]
        )
        with qtbot.waitSignal(completion.finished, timeout=10_000) as ended:
            pass
    speed = ended.args[0].predicted_per_second
    assert speed > 0
    assert speed == round(speed)
