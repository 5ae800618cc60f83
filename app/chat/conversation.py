"""A conversation as an immutable value: its messages form a tree, and one path of it is shown."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal, NewType

import msgspec
from msgspec import Meta

from app.core.chat_settings import NOTHING_CHOSEN, ChatSettings

ChatId = NewType("ChatId", int)
MessageId = NewType("MessageId", int)
Role = Literal["system", "user", "assistant"]
State = Literal["streaming", "complete", "stopped", "failed"]
Moment = Annotated[datetime, Meta(tz=True)]

_LONGEST_TITLE = 60
_JOINERS = "\u200c\u200d"
_MARKDOWN_LEAD = re.compile(r"^(?:#{1,6} |> ?|[-*+] |`{3,}\w*)+")
# Only around words: the stars of 2**10 and the underscores of __init__ are meant literally.
_STRONG = re.compile(r"(?<!\w)\*\*(?=\S)(.+?)(?<=\S)\*\*(?!\w)", re.ASCII)
_CODE = re.compile(r"(`+)([^`]+)\1")


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation's metadata, without messages; times are UTC, and `title` may be empty."""

    id: ChatId
    title: str
    created: Moment
    updated: Moment
    model: str
    settings: ChatSettings = NOTHING_CHOSEN


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message; `parent` is the message it answers, and is always older.

    `thoughts` is a reasoning model's text before the reply, `tokens` the length of a reply,
    `reason` the reason why it stopped or failed, `code` that of the error, if there is one; all are
    empty for other messages.
    """

    id: MessageId
    chat: ChatId
    parent: MessageId | None = None
    role: Role
    text: str
    thoughts: str = ""
    state: State = "complete"
    reason: str = ""
    code: str = ""
    model: str = ""
    tokens: Annotated[int, Meta(ge=0, le=2**53)] = 0
    tokens_per_second: float | None = None
    seconds_to_first_token: float | None = None
    created: Moment


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """A chat with all its messages, oldest first; a second answer is a sibling of the first."""

    chat: Chat
    messages: tuple[Message, ...] = ()
    active_leaf: MessageId | None = None

    def path_to(self, leaf: MessageId | None) -> list[Message]:
        """Return the messages from the root to `leaf`; empty if there is no such message."""
        by_id = {message.id: message for message in self.messages}
        path: list[Message] = []
        message = None if leaf is None else by_id.get(leaf)
        while message is not None:
            path.append(message)
            parent = message.parent
            # A damaged file may contain a cycle; parents are always older, so stop there.
            is_older = parent is not None and parent < message.id
            message = by_id.get(parent) if is_older and parent is not None else None
        return path[::-1]

    def active_path(self) -> list[Message]:
        """Return the shown messages, root first."""
        return self.path_to(self.active_leaf)

    def children(self, parent: MessageId | None) -> list[Message]:
        """Return the answers to `parent`, oldest first; the roots for None."""
        return [message for message in self.messages if message.parent == parent]

    def newest_leaf(self, start: MessageId | None) -> MessageId | None:
        """Return the leaf of the newest branch below `start`, or `start` if nothing is below it."""
        newest: dict[MessageId | None, MessageId] = {}
        for message in self.messages:
            newest[message.parent] = message.id
        leaf = start
        while leaf in newest and (leaf is None or newest[leaf] > leaf):
            leaf = newest[leaf]
        return leaf


def title_from(first_message_text: str) -> str:
    """Return a title of at most 60 characters: the first line with words, without Markdown."""
    for line in first_message_text.splitlines():
        plain = _STRONG.sub(r"\1", _MARKDOWN_LEAD.sub("", line.strip()))
        plain = _CODE.sub(r"\2", plain)
        shown = "".join(c if c.isprintable() or c in _JOINERS else " " for c in plain)
        words = " ".join(shown.split())
        if words:
            return _shortened(words)
    return ""


def _shortened(words: str) -> str:
    if len(words) <= _LONGEST_TITLE:
        return words
    cut = words[: _LONGEST_TITLE - 1]
    at_word = cut.rsplit(" ", 1)[0]
    return (at_word if len(at_word) > _LONGEST_TITLE // 2 else cut).rstrip() + "…"
