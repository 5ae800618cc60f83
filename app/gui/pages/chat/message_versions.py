"""Versions of the messages of a chat: those with the same message before them."""

from __future__ import annotations

from collections.abc import Sequence

from app.chat.conversation import Message, MessageId


class MessageVersions:
    """Numbers the versions of each message, oldest first."""

    def __init__(self, messages: Sequence[Message] = ()) -> None:
        self._below: dict[MessageId | None, list[MessageId]] = {}
        for message in messages:
            self.add(message)

    def add(self, message: Message) -> None:
        """Add the newest message of the chat."""
        self._below.setdefault(message.parent, []).append(message.id)

    def place_of(self, message: Message) -> tuple[int, int]:
        """Return the number of a message among its versions, from 1, and how many there are."""
        versions = self._below[message.parent]
        return versions.index(message.id) + 1, len(versions)

    def beside(self, message: Message, step: int) -> MessageId | None:
        """Return the version `step` places after this one, if there is one."""
        versions = self._below[message.parent]
        place = versions.index(message.id) + step
        return versions[place] if 0 <= place < len(versions) else None
