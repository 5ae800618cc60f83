"""The chat database (SQLite): its schema, opening and checks."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from app.chat import backups, statements
from app.core import sqlite_file
from app.core.errors import AppError, ErrorCode

# Each script migrates from the version of its index to the next. A released script never changes,
# and a new one only adds, so that older versions of the program can read newer files.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE chat (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        title TEXT NOT NULL,
        model TEXT NOT NULL,
        created INTEGER NOT NULL,
        updated INTEGER NOT NULL,
        active_leaf INTEGER
    ) STRICT;
    CREATE TABLE message (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        chat INTEGER NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
        parent INTEGER REFERENCES message (id),
        role TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT NOT NULL,
        model TEXT NOT NULL,
        tokens INTEGER NOT NULL,
        tokens_per_second REAL,
        seconds_to_first_token REAL,
        created INTEGER NOT NULL,
        text TEXT NOT NULL,
        thoughts TEXT NOT NULL
    ) STRICT;
    CREATE INDEX message_of_chat ON message (chat);
    CREATE INDEX message_of_parent ON message (parent);
    """,
    """
    ALTER TABLE chat ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
    """,
    """
    ALTER TABLE message ADD COLUMN code TEXT NOT NULL DEFAULT '';
    """,
)
raising_app_errors = partial(sqlite_file.raising_app_errors, damaged=ErrorCode.CHATS_DAMAGED)
"""Converts SQLite's and the system's errors at a path to `AppError`."""


def open_database(
    path: Path, migrations: Sequence[str] = MIGRATIONS
) -> tuple[sqlite3.Connection, bool]:
    """Open or create the file; the second value is True if it is read-only.

    An older schema is migrated after a backup; a newer one is read-only.

    Raises:
        AppError: `chats_damaged`, `disk_full`, `folder_not_writable`, `file_busy`.
    """
    with raising_app_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            sqlite_file.check_header(path, ErrorCode.CHATS_DAMAGED)
        connection = _connect(path)
        try:
            is_newer = _prepare(connection, path, migrations)
        except BaseException:
            connection.close()
            raise
    return connection, is_newer


def is_sound(path: Path) -> bool:
    """Return whether a database can be opened and read and has the expected tables."""
    try:
        with raising_app_errors(path), closing(_connect(path)) as connection:
            connection.execute("PRAGMA query_only = ON")
            sqlite_file.check(connection, path, ErrorCode.CHATS_DAMAGED)
            _use_columns(connection, sqlite_file.schema_version(connection))
    except AppError:
        return False
    return True


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite_file.connect(path)
    connection.create_function("folded", 1, _folded, deterministic=True)
    return connection


def _prepare(connection: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> bool:
    sqlite_file.make_durable(connection)
    sqlite_file.check(connection, path, ErrorCode.CHATS_DAMAGED)
    version = sqlite_file.schema_version(connection)
    if version > len(migrations):
        connection.execute("PRAGMA query_only = ON")
    elif version < len(migrations):
        if version > 0:
            backups.back_up(connection)
        sqlite_file.migrate(connection, tuple(migrations))
    _use_columns(connection, len(MIGRATIONS))
    return version > len(migrations)


def _use_columns(connection: sqlite3.Connection, version: int) -> None:
    """Raise SQLite's error if a column that this version of the schema has is missing."""
    for statement in statements.USE_COLUMNS[: max(version, 1)]:
        connection.execute(statement).fetchall()


def _folded(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").casefold()
