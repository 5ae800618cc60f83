"""Conversion between database rows and the values of a conversation."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import msgspec

from app.chat import statements
from app.chat.conversation import Chat, ChatId, Message, MessageId, Role, State
from app.chat.search_hit import SearchHit, excerpt_around
from app.core.chat_settings import NOTHING_CHOSEN, ChatSettings

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_ROLES, _STATES = get_args(Role), get_args(State)


def storable(text: str) -> str:
    """Return `text` with NUL and lone surrogates replaced with U+FFFD."""
    paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return paired.replace("\0", "\ufffd")


def milliseconds(moment: datetime) -> int:
    """Return a time as it is stored: milliseconds since the Unix epoch."""
    return (moment - _EPOCH) // _MILLISECOND


def settings_text(settings: ChatSettings) -> str:
    """Return a chat's settings as they are stored."""
    return msgspec.json.encode(settings).decode()


def insert_chat(connection: sqlite3.Connection, chat: Chat) -> Chat:
    """Store a chat and return it with its identifier."""
    cursor = connection.execute(
        statements.INSERT_CHAT,
        _values(chat),
    )
    (row,) = cursor.fetchall()
    return chat_from(row)


def insert_message(connection: sqlite3.Connection, message: Message) -> Message:
    """Store a message and return it with its identifier."""
    cursor = connection.execute(
        statements.INSERT_MESSAGE,
        _values(message),
    )
    (row,) = cursor.fetchall()
    return message_from(row)


def chat_from(row: Mapping[str, Any]) -> Chat:
    """Return the chat in a row."""
    return Chat(
        id=ChatId(row["id"]),
        title=row["title"],
        created=_moment(row["created"]),
        updated=_moment(row["updated"]),
        model=row["model"],
        settings=_settings(row["settings"]),
    )


def hit_from(row: Mapping[str, Any], wanted: str) -> SearchHit:
    """Return what a search found in a row, which has the text of the message in `found`."""
    found = row["found"]
    return SearchHit(chat_from(row), excerpt_around(found, wanted) if found else "")


def message_from(row: Mapping[str, Any]) -> Message:
    """Return the message in a row; unknown roles and states from newer versions get a fallback."""
    parent = row["parent"]
    return Message(
        id=MessageId(row["id"]),
        chat=ChatId(row["chat"]),
        parent=None if parent is None else MessageId(parent),
        role=row["role"] if row["role"] in _ROLES else "assistant",
        text=row["text"],
        thoughts=row["thoughts"],
        code=row["code"],
        state=row["state"] if row["state"] in _STATES else "complete",
        reason=row["reason"],
        model=row["model"],
        tokens=row["tokens"],
        tokens_per_second=row["tokens_per_second"],
        seconds_to_first_token=row["seconds_to_first_token"],
        created=_moment(row["created"]),
    )


def _values(value: Chat | Message) -> dict[str, Any]:
    return {name: _storable_value(field) for name, field in msgspec.structs.asdict(value).items()}


def _storable_value(value: object) -> object:
    match value:
        case str():
            return storable(value)
        case datetime():
            return milliseconds(value)
        case ChatSettings():
            return storable(settings_text(value))
        case _:
            return value


def _settings(stored: str) -> ChatSettings:
    try:
        return msgspec.json.decode(stored, type=ChatSettings)
    except (ValueError, RecursionError):
        # Damaged or newer settings must not hide the chat.
        return NOTHING_CHOSEN


def _moment(stored: int) -> datetime:
    try:
        return _EPOCH + stored * _MILLISECOND
    except OverflowError:
        # A flipped bit in a date must not hide the chat.
        return _EPOCH
