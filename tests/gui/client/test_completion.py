"""Notices of our own server are passed on; other servers have none."""

from __future__ import annotations

import msgspec
import pytest
from pytestqt.qtbot import QtBot

from app.core.chat_settings import NOTHING_CHOSEN, ChatSettings
from app.gui.client.completion import Completion
from app.gui.client.wire import ChatServer, WireMessage, request_body
from app.library.reply_defaults import STARTER_FILE_NAME, reply_defaults
from tests.support.engine.endpoint_server import MODEL, EndpointServer, chunk, event

STOPPED = {"code": "reply_repeats", "message": "The model said the same again.", "facts": {}}


@pytest.mark.parametrize(
    ("notice", "is_ours", "found"),
    [(STOPPED, True, [STOPPED["message"]]), (STOPPED, False, []), (["odd"], False, [])],
)
def test_notices_of_a_reply(qtbot: QtBot, notice: object, is_ours: bool, found: list[str]) -> None:
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "notice": notice}
    lines = [chunk({"content": "Paris"}), event(end), b"data: [DONE]\n\n"]
    with EndpointServer(lines=lambda: lines) as server:
        asked = ChatServer(server.url, "", MODEL, is_ours=is_ours)
        completion = Completion(asked, [WireMessage("user", "Hi")], NOTHING_CHOSEN)
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
            ChatServer(server.url, "", MODEL, is_ours=False),
            [WireMessage("user", "Hi")],
            NOTHING_CHOSEN,
        )
        with qtbot.waitSignal(completion.finished, timeout=10_000) as ended:
            pass
    speed = ended.args[0].predicted_per_second
    assert speed > 0
    assert speed == round(speed)


def test_the_starter_is_asked_in_a_way_of_its_own() -> None:
    defaults = reply_defaults(f"/anywhere/{STARTER_FILE_NAME}")
    starter = ChatServer("http://host", "", "starter", True)
    hello = WireMessage("user", "Hello")
    body = msgspec.json.decode(request_body(starter, [hello], defaults))
    assert body["temperature"] == defaults.temperature
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["messages"][0]["content"] == defaults.system_prompt
    # What the user has set counts.
    own = ChatSettings(system_prompt="Be brief.").over(defaults)
    body = msgspec.json.decode(request_body(starter, [hello], own))
    assert body["temperature"] == defaults.temperature
    assert [message["content"] for message in body["messages"]] == ["Be brief.", "Hello"]


def test_other_models_are_asked_as_they_are() -> None:
    defaults = reply_defaults("/anywhere/Other.Q4_1.gguf")
    other = ChatServer("http://host", "", "other", True)
    body = msgspec.json.decode(request_body(other, [WireMessage("user", "Hello")], defaults))
    assert "temperature" not in body
    assert [message["role"] for message in body["messages"]] == ["user"]
