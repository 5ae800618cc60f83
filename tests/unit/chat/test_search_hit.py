"""The words around a place in a message."""

from __future__ import annotations

import pytest

from app.chat.chat_store import ChatStore
from app.chat.search_hit import excerpt_around
from tests.unit.chat.test_chat_store import store

__all__ = ["store"]

LONG = "one two three four five six seven eight nine ten " * 20


@pytest.mark.parametrize(
    ("text", "wanted", "begins", "has"),
    [
        ("Bread and more", "bread", "Bread", "Bread and more"),
        ("first\n\n  second", "second", "first", "first second"),
        (f"{LONG}needle {LONG}", "needle", "…", "needle one two"),
        ("nothing", "else", "nothing", "nothing"),
        ("", "x", "", ""),
    ],
)
def test_excerpts(text: str, wanted: str, begins: str, has: str) -> None:
    found = excerpt_around(text, wanted)
    assert found.startswith(begins)
    assert has in found
    assert "\n" not in found
    assert len(found) <= 122


def test_a_search_shows_where_the_words_are(store: ChatStore) -> None:
    chat = store.create_chat("m")
    asked = store.add_message(chat.id, None, "user", "Which bread?")
    store.add_message(chat.id, asked.id, "assistant", "Rye, I would say")
    assert [hit.excerpt for hit in store.search("RYE")] == ["Rye, I would say"]
    store.rename(chat.id, "Grain")
    assert [hit.excerpt for hit in store.search("grain")] == [""]
