"""A chat that a search found, with the words around the match in its messages."""

from __future__ import annotations

from dataclasses import dataclass

from app.chat.conversation import Chat

_BEFORE = 24
_LONGEST = 120


@dataclass(frozen=True)
class SearchHit:
    """A chat; `excerpt` is empty if only its title has the words."""

    chat: Chat
    excerpt: str


def excerpt_around(text: str, wanted: str) -> str:
    """Return one line of `text` that begins shortly before `wanted`, ignoring case."""
    place = max(0, text.casefold().find(wanted.casefold()))
    # Casefolded text may be longer, which moves the place by a few characters.
    begin = max(0, place - _BEFORE)
    if begin:
        space = text.find(" ", begin, place)
        begin = begin if space < 0 else space + 1
    piece = " ".join(text[begin : begin + _LONGEST].split())
    return ("…" if begin else "") + piece + ("…" if begin + _LONGEST < len(text) else "")
