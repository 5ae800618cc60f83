"""Reasoning in `<think>` tags of another server."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from app.core.chat_settings import NOTHING_CHOSEN
from app.gui.client.completion import Completion
from app.gui.client.think_tags import ThinkTags
from app.gui.client.wire import ChatServer, WireMessage
from tests.support.engine.endpoint_server import MODEL, EndpointServer, chunk

CASES = [
    ("<think>Let me see.</think>Paris", "Let me see.", "Paris"),
    ("\n<think>\nLet me see.\n</think>\n\nParis", "Let me see.", "Paris"),
    ("<think></think>Paris", "", "Paris"),
    ("<think>Never closed", "Never closed", ""),
    ("<think>a < b </thin c</think>Paris", "a < b </thin c", "Paris"),
    ("Paris <think>is a tag</think>", "", "Paris <think>is a tag</think>"),
    ("<table> is HTML", "", "<table> is HTML"),
    ("<thi", "", "<thi"),
    ("  Paris", "", "  Paris"),
]


@pytest.mark.parametrize("size", [1, 3, 7, 100])
@pytest.mark.parametrize(("whole", "thoughts", "text"), CASES)
def test_pieces_of_every_size(whole: str, thoughts: str, text: str, size: int) -> None:
    tags = ThinkTags()
    found = [tags.split(whole[n : n + size]) for n in range(0, len(whole), size)]
    assert "".join(thought for thought, _ in found).strip() == thoughts
    # White space between the tag and the reply may come in a piece of its own.
    assert ("".join(piece for _, piece in found) + tags.rest()).lstrip() == text.lstrip()


@pytest.mark.parametrize("is_ours", [True, False])
def test_only_the_tags_of_other_servers_are_read(qtbot: QtBot, *, is_ours: bool) -> None:
    lines = [chunk({"content": "<think>Hm"}), chunk({"content": "m</think>Paris"}, "stop")]
    with EndpointServer(lines=lambda: [*lines, b"data: [DONE]\n\n"]) as server:
        asked = ChatServer(server.url, "", MODEL, is_ours=is_ours)
        completion = Completion(asked, [WireMessage("user", "Hi")], NOTHING_CHOSEN)
        thoughts: list[str] = []
        texts: list[str] = []
        completion.thought.connect(thoughts.append)
        completion.received.connect(texts.append)
        with qtbot.waitSignal(completion.finished, timeout=10_000):
            pass
    found = ("".join(thoughts), "".join(texts))
    assert found == (("", "<think>Hmm</think>Paris") if is_ours else ("Hmm", "Paris"))
