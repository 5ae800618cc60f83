"""Markdown, text and JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from markdown_it import MarkdownIt

from app.chat.conversation import Chat, ChatId, Conversation, Message, MessageId, Role, State
from app.chat.export import as_json, as_markdown, as_text, from_json
from app.core.errors import AppError, ErrorCode

_NOW = datetime(2026, 11, 22, 4, 30, 15, 250_000, tzinfo=UTC)
_CHAT = Chat(id=ChatId(3), title="Bread & *flour*", created=_NOW, updated=_NOW, model="Smol")


def _message(
    number: int,
    role: Role,
    text: str,
    parent: int | None = None,
    state: State = "complete",
    reason: str = "",
) -> Message:
    return Message(
        id=MessageId(number),
        chat=_CHAT.id,
        parent=None if parent is None else MessageId(parent),
        role=role,
        text=text,
        state=state,
        reason=reason,
        model="Smol_135M" if role == "assistant" else "",
        tokens=7 if role == "assistant" else 0,
        tokens_per_second=12.5 if role == "assistant" else None,
        created=_NOW,
    )


_MESSAGES = (
    _message(1, "system", "Be brief."),
    _message(2, "user", "Hello\n\n| a | b |", 1),
    _message(3, "assistant", "```python\nprint(1)", 2, "stopped", "interrupted"),
    _message(4, "assistant", "Hi. 🌾 ğ", 2),
)
_CONVERSATION = Conversation(chat=_CHAT, messages=_MESSAGES, active_leaf=MessageId(4))


def _headings(markdown: str) -> list[str]:
    tokens = MarkdownIt().parse(markdown)
    return [
        "".join(child.content for child in tokens[number + 1].children or ())
        for number, token in enumerate(tokens)
        if token.type == "heading_open"
    ]


def test_markdown_reads_as_it_was_written() -> None:
    assert as_markdown(_CHAT, _MESSAGES) == (
        "# Bread & \\*flour\\*\n\n"
        "## System\n\nBe brief.\n\n"
        "## You\n\nHello\n\n| a | b |\n\n"
        "## Assistant (Smol\\_135M)\n\n```python\nprint(1)\n```\n\n*Stopped: interrupted*\n\n"
        "## Assistant (Smol\\_135M)\n\nHi. 🌾 ğ\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "```\ncode",
        "text\n~~~~ sh\ncode\n~~~\n```",
        "````\n```\nstill code",
        "```\ncode\n```",
        "```\n``` not the end\nx",
        "   ```\nx",
    ],
)
def test_a_code_block_without_end_does_not_swallow_the_next_message(text: str) -> None:
    messages = [_message(1, "assistant", text), _message(2, "user", "next")]
    assert _headings(as_markdown(_CHAT, messages))[-1] == "You"


def test_a_title_is_no_markup() -> None:
    chat = Chat(
        id=ChatId(1),
        title="![x](http://a/b) <b> `c` # d\n# e",
        created=_NOW,
        updated=_NOW,
        model="",
    )
    assert _headings(as_markdown(chat, [])) == ["![x](http://a/b) <b> `c` # d # e"]


def test_text() -> None:
    assert as_text(_CHAT, _MESSAGES[1:]) == (
        "Bread & *flour*\n\n"
        "You:\nHello\n\n| a | b |\n\n"
        "Assistant (Smol_135M):\n```python\nprint(1)\n\n(Stopped: interrupted)\n\n"
        "Assistant (Smol_135M):\nHi. 🌾 ğ\n"
    )


def test_an_empty_chat_can_be_exported() -> None:
    chat = Chat(id=ChatId(1), title="", created=_NOW, updated=_NOW, model="")
    assert as_markdown(chat, []) == "\n"
    assert as_text(chat, []) == "\n"
    assert from_json(as_json([Conversation(chat=chat)])) == [Conversation(chat=chat)]


def test_json_comes_back_with_every_branch() -> None:
    other = Conversation(chat=_CHAT)
    content = as_json([_CONVERSATION, other])
    assert from_json(content) == [_CONVERSATION, other]
    assert from_json(content.encode()) == [_CONVERSATION, other]
    assert json.loads(content)["chats"][0]["messages"][3]["text"] == "Hi. 🌾 ğ"


def _changed(**changes: Any) -> str:
    content = json.loads(as_json([_CONVERSATION]))
    chat = content["chats"][0]
    for key, value in changes.items():
        if key in ("format", "version"):
            content[key] = value
        elif key in chat:
            chat[key] = value
        else:
            chat["messages"][2][key] = value
    return json.dumps(content)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        "null",
        b"\xff\xfe",
        '{"format": "gristmill-chats"}',
        '{"x":' + "[" * 200_000,
        _changed(format="other"),
        _changed(version=2),
        _changed(parent=99),
        _changed(parent=4),
        _changed(id=3, parent=3),
        _changed(id=2),
        _changed(id=1),
        _changed(active_leaf=99),
        _changed(role="tool"),
        _changed(state="?"),
        _changed(tokens=2**64),
        _changed(tokens=-1),
        _changed(created="2026-11-22T00:00:00"),
        _changed(text=5),
        _changed(messages=[1]),
    ],
)
def test_what_is_no_export_is_refused(content: str | bytes) -> None:
    with pytest.raises(AppError) as caught:
        from_json(content)
    assert caught.value.code is ErrorCode.NOT_EXPORTED_CHATS
    assert caught.value.details["reason"]


def test_an_export_of_many_messages_is_read_in_one_go() -> None:
    messages = tuple(
        _message(number, "user", "x", number - 1 or None) for number in range(1, 20_001)
    )
    conversation = Conversation(chat=_CHAT, messages=messages, active_leaf=MessageId(20_000))
    assert from_json(as_json([conversation])) == [conversation]
