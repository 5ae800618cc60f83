"""Export of conversations as Markdown, plain text, and JSON that can be imported."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import msgspec

from app.chat.conversation import Chat, Conversation, Message, MessageId
from app.core.errors import AppError, ErrorCode
from app.core.language import tr

_VERSION = 1
_SPEAKERS = {"system": tr("System"), "user": tr("You"), "assistant": tr("Assistant")}
_ENDS = {"stopped": tr("Stopped"), "failed": tr("Failed")}
_MARKS = re.compile(r"([\\`*_\[\]<>#|])")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")


class _Export(msgspec.Struct, frozen=True):
    format: Literal["gristmill-chats"]
    version: int
    chats: tuple[Conversation, ...]


class _Envelope(msgspec.Struct, frozen=True):
    format: Literal["gristmill-chats"]
    version: int


def as_markdown(chat: Chat, messages: Iterable[Message]) -> str:
    """Return the shown path of a chat as Markdown, each message unchanged."""
    parts = [f"# {_escaped(chat.title)}"] if chat.title else []
    for message in messages:
        parts.append(f"## {_escaped(_speaker(message))}")
        parts.append(_with_closed_fence(message.text.strip("\n")))
        if message.state in _ENDS:
            parts.append(f"*{_escaped(_end(message))}*")
    return "\n\n".join(part for part in parts if part) + "\n"


def as_text(chat: Chat, messages: Iterable[Message]) -> str:
    """Return the shown path of a chat as plain text."""
    parts = [chat.title] if chat.title else []
    for message in messages:
        parts.append(f"{_speaker(message)}:\n{message.text.strip()}".rstrip())
        if message.state in _ENDS:
            parts.append(f"({_end(message)})")
    return "\n\n".join(parts) + "\n"


def as_json(conversations: Iterable[Conversation]) -> str:
    """Return conversations with all their branches as JSON for `from_json`."""
    export = _Export("gristmill-chats", _VERSION, tuple(conversations))
    return msgspec.json.format(msgspec.json.encode(export), indent=2).decode() + "\n"


def from_json(content: str | bytes) -> list[Conversation]:
    """Read the conversations in an exported file; its content is untrusted.

    Raises:
        AppError: `not_exported_chats`.
    """
    try:
        envelope = msgspec.json.decode(content, type=_Envelope)
        if envelope.version > _VERSION:
            raise _refused(tr("it was exported by a newer version of this program"))
        conversations = msgspec.json.decode(content, type=_Export).chats
    except (ValueError, RecursionError) as error:
        raise _refused(str(error)) from error
    for conversation in conversations:
        _require_tree(conversation)
    return list(conversations)


def _require_tree(conversation: Conversation) -> None:
    seen: set[MessageId | None] = {None}
    last = 0
    for message in conversation.messages:
        if message.id <= last or message.parent not in seen:
            raise _refused(tr("its messages do not form a tree"))
        last = message.id
        seen.add(message.id)
    if conversation.active_leaf not in seen:
        raise _refused(tr("the message that it shows is missing"))


def _refused(reason: str) -> AppError:
    return AppError(ErrorCode.NOT_EXPORTED_CHATS, reason=reason)


def _speaker(message: Message) -> str:
    word = _SPEAKERS[message.role]
    return f"{word} ({message.model})" if message.model else word


def _end(message: Message) -> str:
    word = _ENDS[message.state]
    return f"{word}: {message.reason}" if message.reason else word


def _escaped(text: str) -> str:
    return _MARKS.sub(r"\\\1", " ".join(text.split()))


def _with_closed_fence(text: str) -> str:
    # A reply that stopped inside a code block would otherwise include all later messages.
    opened = ""
    for line in text.splitlines():
        match = _FENCE.fullmatch(line)
        if match is None:
            continue
        fence, rest = match.groups()
        if not opened:
            opened = fence
        elif fence.startswith(opened) and not rest.strip():
            opened = ""
    return f"{text}\n{opened}" if opened else text
