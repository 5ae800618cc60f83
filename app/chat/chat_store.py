"""Storage of chats; every change is committed before the call returns."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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
from app.chat.search_hit import SearchHit
from app.core.chat_settings import NOTHING_CHOSEN, ChatSettings
from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.events import NoticeReported

INTERRUPTED = "interrupted"


class ChatStore:
    """All chats in one SQLite file; used by one thread at a time.

    Every method raises `AppError` (`disk_full`, `folder_not_writable`, `file_busy`,
    `chats_damaged`) if the disk fails; methods that change something raise `chats_read_only` if
    the file was written by a newer version of the program.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file; mark messages that a crash left streaming as ended.

        Raises:
            AppError: As above.
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
        """Close the file, so that a copy of it alone has all chats."""
        # SQLite empties its log by itself, but not while another process has the file open.
        with suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()

    def chats(self) -> list[Chat]:
        """Return all chats, most recently changed first."""
        found = self._rows("SELECT * FROM chat ORDER BY updated DESC, id DESC")
        return [rows.chat_from(row) for row in found]

    def search(self, text: str) -> list[SearchHit]:
        """Return the chats with `text` in a title or message, ignoring case, newest first."""
        wanted = rows.storable(text).casefold()
        return [rows.hit_from(row, wanted) for row in self._rows(statements.SEARCH, wanted=wanted)]

    def create_chat(self, model: str, settings: ChatSettings = NOTHING_CHOSEN) -> Chat:
        """Create a chat; the user's first message gives it a title, and saves it for good."""
        now = datetime.now(UTC)
        chat = Chat(
            id=ChatId(0), title="", model=model, created=now, updated=now, settings=settings
        )
        with self._transaction(waits=False):
            return rows.insert_chat(self._connection, chat)

    def add_conversation(self, conversation: Conversation) -> Chat:
        """Add a copy of a conversation, such as an imported one, with new identifiers."""
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
        """Change the title of a chat."""
        with self._transaction():
            self._execute(
                "UPDATE chat SET title = :title WHERE id = :chat",
                title=rows.storable(title),
                chat=chat,
            )

    def change_settings(self, chat: ChatId, settings: ChatSettings) -> None:
        """Replace the settings of a chat, if it exists."""
        with self._transaction():
            self._execute(
                "UPDATE chat SET settings = :settings WHERE id = :chat",
                settings=rows.settings_text(settings),
                chat=chat,
            )

    def delete(self, chat: ChatId) -> None:
        """Remove a chat with all its messages, if it exists."""
        with self._transaction():
            self._execute("DELETE FROM chat WHERE id = :chat", chat=chat)

    def conversation(self, chat: ChatId) -> Conversation:
        """Return a chat with all its branches.

        Raises:
            KeyError: There is no such chat.
        """
        with database.raising_app_errors(self.path):
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

    def is_deleted(self, chat: ChatId) -> bool:
        """Return whether a chat is no longer there."""
        return all(one.id != chat for one in self.chats())

    def messages(self, chat: ChatId) -> list[Message]:
        """Return the shown messages, from the root to the active leaf."""
        return self.conversation(chat).active_path()

    def siblings(self, message_id: MessageId) -> list[Message]:
        """Return a message and its alternatives, oldest first; empty if it doesn't exist."""
        return [rows.message_from(row) for row in self._rows(statements.SIBLINGS, id=message_id)]

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
        """Add a message below `parent` (None for a root) and show the path that ends with it.

        A second message below the same parent becomes a sibling of the first.

        Raises:
            KeyError: There is no such chat, or no such parent in it.
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
        with self._transaction(waits=state != "streaming"):
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

    def append_text(self, message_id: MessageId, text: str, reasoning: str = "") -> None:
        """Append to a streaming message, if it still exists.

        A crash of the program loses nothing of it, one of the system at most the last seconds.
        """
        with self._transaction(waits=False):
            self._execute(
                statements.APPEND_TEXT,
                text=rows.storable(text),
                thoughts=rows.storable(reasoning),
                id=message_id,
            )

    def finish_message(
        self,
        message_id: MessageId,
        state: State,
        text: str | None = None,
        *,
        reason: str = "",
        code: str = "",
        tokens: int = 0,
        tokens_per_second: float | None = None,
        seconds_to_first_token: float | None = None,
    ) -> None:
        """Record the end of a message, if it exists; with `text` None the appended text stays."""
        with self._transaction():
            self._execute(
                statements.FINISH_MESSAGE,
                state=state,
                text=None if text is None else rows.storable(text),
                reason=rows.storable(reason),
                code=code,
                tokens=tokens,
                speed=tokens_per_second,
                wait=seconds_to_first_token,
                id=message_id,
            )

    def show(self, message_id: MessageId) -> None:
        """Show the newest branch through this message, if it still exists."""
        with self._transaction():
            chat = self._chat_of(message_id)
            if chat is not None:
                self._set_active_leaf(chat, self.conversation(chat).newest_leaf(message_id))

    def delete_message(self, message_id: MessageId) -> None:
        """Remove a message and everything below it, and show the newest remaining branch."""
        with self._transaction():
            family = self.siblings(message_id)
            if not family:
                return
            chat, parent = family[0].chat, family[0].parent
            self._execute(statements.DELETE_BRANCH, id=message_id)
            self._set_active_leaf(chat, self.conversation(chat).newest_leaf(parent))

    def back_up_if_due(self) -> None:
        """Make today's backup if it is missing and there are chats.

        A failed backup must not keep users from their chats.
        """
        if backups.is_due() and self.chats():
            with suppress(AppError), database.raising_app_errors(self.path):
                backups.back_up(self._connection)

    @contextmanager
    def _transaction(self, *, waits: bool = True) -> Iterator[None]:
        """Commit at the end; unless it `waits` for the disk, the next one that does saves both.

        While files are being converted, the disk may take longer than a window should stand still.
        """
        if self.is_read_only:
            raise AppError(ErrorCode.CHATS_READ_ONLY)
        with database.raising_app_errors(self.path):
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if waits else 'NORMAL'}")
            self._connection.execute("BEGIN IMMEDIATE")
            with self._connection:
                yield

    def _execute(self, statement: str, **values: str | float | None) -> sqlite3.Cursor:
        return self._connection.execute(statement, values)

    def _rows(self, statement: str, **values: str | int) -> list[Mapping[str, Any]]:
        with database.raising_app_errors(self.path):
            return self._execute(statement, **values).fetchall()

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


def open_store(path: Path) -> tuple[ChatStore, NoticeReported | None]:
    """Open the chat store even if its file is damaged, and return a notice if it was.

    A damaged file is moved aside to a dated name, and the newest intact backup restored or a new
    file created. The first opening of a day makes a backup.

    Raises:
        AppError: `disk_full`, `folder_not_writable`, `file_busy`: nothing can be stored.
    """
    notice: NoticeReported | None = None
    try:
        store = ChatStore(path)
    except AppError as error:
        if error.code is not ErrorCode.CHATS_DAMAGED:
            raise
        notice = rescue.replace_damaged(path)
        store = ChatStore(path)
    if store.is_read_only:
        return store, notice or NoticeReported(NoticeCode.CHATS_NEWER)
    store.back_up_if_due()
    return store, notice
