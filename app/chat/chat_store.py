"""The chats on disk: what is added is committed before the call returns."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from app.chat import backups, database, rescue, rows, statements
from app.chat.conversation import (
    Chat,
    ChatId,
    Conversation,
    Message,
    MessageId,
    Role,
    State,
    title_from,
)
from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.events import Noticed

INTERRUPTED = "interrupted"


class ChatStore:
    """All chats in one SQLite file; used by one thread at a time.

    Every method raises `AppError` (`disk_full`, `folder_not_writable`, `file_busy`,
    `chats_damaged`) when the disk fails, and those that change something `chats_read_only` when
    the file is of a newer version of the program.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, made when absent; what a crash left streaming is marked as ended.

        Raises:
            AppError: as above.
        """
        self.path = path
        self._connection, self.is_read_only = database.open_database(path)
        try:
            if not self.is_read_only:
                self._end_interrupted()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def chats(self) -> list[Chat]:
        """All chats, the one changed last first."""
        return self._chats("SELECT * FROM chat ORDER BY updated DESC, id DESC")

    def search(self, text: str) -> list[Chat]:
        """The chats with `text` in their title or a message, whatever the case, as `chats`."""
        wanted = rows.storable(text).casefold()
        return self._chats(statements.SEARCH, wanted=wanted)

    def create_chat(self, model: str) -> Chat:
        """Begin a chat; its first message from the user gives it a title."""
        now = datetime.now(UTC)
        chat = Chat(id=ChatId(0), title="", model=model, created=now, updated=now)
        with self._transaction():
            return rows.insert_chat(self._connection, chat)

    def add_conversation(self, conversation: Conversation) -> Chat:
        """Add a copy of a conversation, for example an imported one; it gets new identifiers."""
        new_ids: dict[MessageId | None, MessageId | None] = {None: None}
        with self._transaction():
            chat = rows.insert_chat(self._connection, conversation.chat)
            for message in conversation.messages:
                parent = new_ids.get(message.parent)
                placed = msgspec.structs.replace(message, chat=chat.id, parent=parent)
                new_ids[message.id] = rows.insert_message(self._connection, placed).id
            shown = conversation.active_leaf or conversation.newest_leaf(None)
            self._set_active_leaf(chat.id, new_ids.get(shown))
        return chat

    def rename(self, chat: ChatId, title: str) -> None:
        """Give a chat another title."""
        with self._transaction():
            self._execute(
                "UPDATE chat SET title = :title WHERE id = :chat",
                title=rows.storable(title),
                chat=chat,
            )

    def delete(self, chat: ChatId) -> None:
        """Remove a chat with all its messages; one that is gone already is no error."""
        with self._transaction():
            self._execute("DELETE FROM chat WHERE id = :chat", chat=chat)

    def conversation(self, chat: ChatId) -> Conversation:
        """A chat with all its branches.

        Raises:
            KeyError: when there is no such chat.
        """
        with database.named_failures(self.path):
            head = self._execute("SELECT * FROM chat WHERE id = :chat", chat=chat).fetchone()
            found = self._execute(
                "SELECT * FROM message WHERE chat = :chat ORDER BY id", chat=chat
            ).fetchall()
        if head is None:
            raise KeyError(chat)
        return Conversation(
            chat=rows.chat_from(head),
            messages=tuple(rows.message_from(row) for row in found),
            active_leaf=head["active_leaf"],
        )

    def messages(self, chat: ChatId) -> list[Message]:
        """The messages that are shown: from the root to the active leaf."""
        return self.conversation(chat).active_path()

    def siblings(self, message_id: MessageId) -> list[Message]:
        """The message and its alternatives, oldest first; empty when there is no such message."""
        with database.named_failures(self.path):
            found = self._execute(statements.SIBLINGS, id=message_id)
            return [rows.message_from(row) for row in found]

    def add_message(
        self,
        chat: ChatId,
        parent: MessageId | None,
        role: Role,
        text: str,
        *,
        state: State = "complete",
        model: str = "",
    ) -> Message:
        """Add a message below `parent` (None: as a root) and show the path that ends with it.

        A second message below the same parent becomes a sibling of the first.

        Raises:
            KeyError: when there is no such chat, or no such parent in it.
        """
        new = Message(
            id=MessageId(0),
            chat=chat,
            parent=parent,
            role=role,
            text=text,
            state=state,
            model=model,
            created=datetime.now(UTC),
        )
        with self._transaction():
            self._require(chat, parent)
            message = rows.insert_message(self._connection, new)
            self._execute(
                statements.SHOW_NEW_MESSAGE,
                leaf=message.id,
                now=rows.milliseconds(message.created),
                title=title_from(message.text) if role == "user" else "",
                chat=chat,
            )
        return message

    def append_text(self, message_id: MessageId, text: str, thoughts: str = "") -> None:
        """Add to a message that is streaming; without effect when it has been deleted.

        Each call waits for the disk: once a second is enough.
        """
        with self._transaction():
            self._execute(
                statements.APPEND_TEXT,
                text=rows.storable(text),
                thoughts=rows.storable(thoughts),
                id=message_id,
            )

    def finish_message(
        self,
        message_id: MessageId,
        state: State,
        text: str | None = None,
        *,
        reason: str = "",
        tokens: int = 0,
        tokens_per_second: float | None = None,
        seconds_to_first_token: float | None = None,
    ) -> None:
        """Note how a message ended; `text` None keeps what was appended.

        Without effect when the message has been deleted.
        """
        with self._transaction():
            self._execute(
                statements.FINISH_MESSAGE,
                state=state,
                text=None if text is None else rows.storable(text),
                reason=rows.storable(reason),
                tokens=tokens,
                speed=tokens_per_second,
                wait=seconds_to_first_token,
                id=message_id,
            )

    def show(self, message_id: MessageId) -> None:
        """Show the newest branch that goes through this message; without effect when it is gone."""
        with self._transaction():
            chat = self._chat_of(message_id)
            if chat is not None:
                self._set_active_leaf(chat, self.conversation(chat).newest_leaf(message_id))

    def delete_message(self, message_id: MessageId) -> None:
        """Remove a message and all below it, and show the newest branch of what is left."""
        with self._transaction():
            family = self.siblings(message_id)
            if not family:
                return
            chat, parent = family[0].chat, family[0].parent
            self._execute(statements.DELETE_BRANCH, id=message_id)
            self._set_active_leaf(chat, self.conversation(chat).newest_leaf(parent))

    def back_up_if_due(self) -> None:
        """Make today's backup if there is none and there is something to keep.

        A backup that can't be made is no reason to keep anyone from their chats.
        """
        if backups.is_due() and self.chats():
            with suppress(AppError), database.named_failures(self.path):
                backups.back_up(self._connection)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        if self.is_read_only:
            raise AppError(ErrorCode.CHATS_READ_ONLY)
        with database.named_failures(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            with self._connection:
                yield

    def _execute(self, statement: str, **values: str | float | None) -> sqlite3.Cursor:
        return self._connection.execute(statement, values)

    def _chats(self, query: str, **values: str) -> list[Chat]:
        with database.named_failures(self.path):
            return [rows.chat_from(row) for row in self._execute(query, **values)]

    def _require(self, chat: ChatId, parent: MessageId | None) -> None:
        found = self._execute("SELECT 1 FROM chat WHERE id = :chat", chat=chat).fetchone()
        if found is None:
            raise KeyError(chat)
        if parent is not None and self._chat_of(parent) != chat:
            raise KeyError(parent)

    def _chat_of(self, message_id: MessageId) -> ChatId | None:
        row = self._execute("SELECT chat FROM message WHERE id = :id", id=message_id).fetchone()
        return None if row is None else row["chat"]

    def _set_active_leaf(self, chat: ChatId, leaf: MessageId | None) -> None:
        self._execute("UPDATE chat SET active_leaf = :leaf WHERE id = :chat", leaf=leaf, chat=chat)

    def _end_interrupted(self) -> None:
        with self._transaction():
            self._execute(statements.END_INTERRUPTED, reason=INTERRUPTED)


def open_store(path: Path) -> tuple[ChatStore, Noticed | None]:
    """The chats, in a usable state whatever the file was, and what a person should know about it.

    A damaged file is kept aside under a name with the date, and the newest sound backup restored,
    or a new file begun. A backup is made on the first opening of a day.

    Raises:
        AppError: `disk_full`, `folder_not_writable`, `file_busy`: nothing can be stored at all.
    """
    notice: Noticed | None = None
    try:
        store = ChatStore(path)
    except AppError as error:
        if error.code is not ErrorCode.CHATS_DAMAGED:
            raise
        notice = rescue.replace_damaged(path)
        store = ChatStore(path)
    if store.is_read_only:
        return store, notice or Noticed(NoticeCode.CHATS_NEWER)
    store.back_up_if_due()
    return store, notice
