"""The tree of messages and the title."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.chat.conversation import Chat, ChatId, Conversation, Message, MessageId, title_from

_NOW = datetime(2026, 11, 22, tzinfo=UTC)


def _conversation(parents: dict[int, int | None], active: int | None = None) -> Conversation:
    chat = Chat(id=ChatId(1), title="", created=_NOW, updated=_NOW, model="m")
    messages = tuple(
        Message(
            id=MessageId(number),
            chat=chat.id,
            parent=None if parent is None else MessageId(parent),
            role="user",
            text=str(number),
            created=_NOW,
        )
        for number, parent in parents.items()
    )
    leaf = None if active is None else MessageId(active)
    return Conversation(chat=chat, messages=messages, active_leaf=leaf)


_TREE: dict[int, int | None] = {1: None, 2: 1, 3: 1, 4: 2, 5: 3, 6: 3, 7: None}


@pytest.mark.parametrize(
    ("leaf", "path"),
    [(1, [1]), (4, [1, 2, 4]), (6, [1, 3, 6]), (7, [7]), (99, []), (None, [])],
)
def test_path(leaf: int | None, path: list[int]) -> None:
    found = _conversation(_TREE).path_to(None if leaf is None else MessageId(leaf))
    assert [message.id for message in found] == path


def test_the_active_path() -> None:
    shown = _conversation(_TREE, active=5).active_path()
    assert [message.id for message in shown] == [1, 3, 5]


@pytest.mark.parametrize(
    ("under", "leaf"), [(None, 7), (1, 6), (2, 4), (3, 6), (4, 4), (7, 7), (99, 99)]
)
def test_newest_leaf(under: int | None, leaf: int) -> None:
    conversation = _conversation(_TREE)
    assert conversation.newest_leaf(None if under is None else MessageId(under)) == leaf


def test_an_empty_chat_has_no_leaf() -> None:
    assert _conversation({}).newest_leaf(None) is None


def test_children_in_order() -> None:
    conversation = _conversation(_TREE)
    assert [message.id for message in conversation.children(MessageId(1))] == [2, 3]
    assert [message.id for message in conversation.children(None)] == [1, 7]


@pytest.mark.parametrize("parents", [{1: 1}, {1: 2, 2: 1}, {1: 3, 2: 1, 3: 2}])
def test_a_circle_of_damaged_parents_ends(parents: dict[int, int | None]) -> None:
    conversation = _conversation(parents)
    for number in parents:
        assert conversation.path_to(MessageId(number))[-1].id == number
        assert conversation.newest_leaf(MessageId(number)) is not None


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("What is the capital of France?", "What is the capital of France?"),
        ("\n\n  first words \t here \nsecond line", "first words here"),
        ("", ""),
        (" \n\t\r\n", ""),
        ("# A **bold** `heading`", "A bold heading"),
        ("What is 2**10 * 2**20?", "What is 2**10 * 2**20?"),
        (
            "Explain __init__ and `snake_case` or ` alone",
            "Explain __init__ and snake_case or ` alone",
        ),
        ("这是**重点**", "这是重点"),
        ("> quoted", "quoted"),
        ("- item\n- other", "item"),
        ("```python\nprint(1)\n```", "print(1)"),
        ("<b>x</b> & {y}", "<b>x</b> & {y}"),
        ("a\0b\x1b[31mc\u202ed", "a b [31mc d"),
        ("क्\u200dष 👩\u200d🌾", "क्\u200dष 👩\u200d🌾"),
        ("lone \udcff surrogate", "lone surrogate"),
    ],
)
def test_title(text: str, title: str) -> None:
    assert title_from(text) == title


@pytest.mark.parametrize("text", ["word " * 100, "x" * 10_000, "ş" * 61, "one " + "x" * 100])
def test_a_long_title_is_cut_with_a_mark(text: str) -> None:
    title = title_from(text)
    assert 30 <= len(title) <= 60
    assert title.endswith("…")
    assert text.startswith(title[:-1])


def test_a_title_that_just_fits_is_whole() -> None:
    assert title_from("x" * 60) == "x" * 60


def test_a_title_ends_with_a_whole_word() -> None:
    assert title_from("abcdefghi " * 10) == "abcdefghi " * 4 + "abcdefghi…"
