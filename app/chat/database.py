"""The chat database (SQLite): opening, checks, migrations and errors."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from app.chat import backups, statements
from app.core import files
from app.core.errors import AppError, ErrorCode
from app.core.language import tr

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
_WAIT_SECONDS = 5.0
_SHORTEST_PAGE_BYTES = 512
_FORMAT_BYTES, _KNOWN_FORMATS = slice(18, 20), {1, 2}
_PRIMARY_CODE = 0xFF
_NOT_WRITABLE = frozenset(
    {
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_IOERR,
    }
)
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


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
            _check_header(path)
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
            _check(connection, path)
            _use_columns(connection, _version(connection))
    except AppError:
        return False
    return True


@contextmanager
def raising_app_errors(path: Path) -> Iterator[None]:
    """Convert SQLite's and the system's errors at `path` to `AppError`."""
    with files.raising_app_errors(path.parent):
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise _named(error, path) from error
        except UnicodeDecodeError as error:
            # SQLite quotes a damaged schema in its message, which Python can't decode.
            raise _damaged(path, tr("its schema is not text")) from error


def _connect(path: Path) -> sqlite3.Connection:
    # No implicit transactions: all are explicit.
    connection = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.text_factory = _text
    connection.create_function("folded", 1, _folded, deterministic=True)
    return connection


def _check_header(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(_SHORTEST_PAGE_BYTES)
    # SQLite treats a file shorter than its smallest page as a new database, and one of an unknown
    # format as read-only.
    if len(start) < _SHORTEST_PAGE_BYTES:
        raise _damaged(path, tr("it is truncated"))
    if not set(start[_FORMAT_BYTES]) <= _KNOWN_FORMATS:
        raise _damaged(path, tr("its header is damaged"))


def _prepare(connection: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> bool:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    _check(connection, path)
    version = _version(connection)
    if version > len(migrations):
        connection.execute("PRAGMA query_only = ON")
    elif version < len(migrations):
        _migrate(connection, version, migrations)
    _use_columns(connection, len(MIGRATIONS))
    return bool(version > len(migrations))


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _use_columns(connection: sqlite3.Connection, version: int) -> None:
    """Raise SQLite's error if a column that this version of the schema has is missing."""
    for statement in statements.USE_COLUMNS[: max(version, 1)]:
        connection.execute(statement).fetchall()


def _check(connection: sqlite3.Connection, path: Path) -> None:
    if _answer(connection, "integrity_check") == "ok":
        return
    # Damage only in an index is repaired from its table without loss.
    if _answer(connection, "quick_check") == "ok":
        connection.execute("REINDEX")
    answer = _answer(connection, "integrity_check")
    if answer != "ok":
        raise _damaged(path, answer)


def _answer(connection: sqlite3.Connection, check: str) -> str:
    return str(connection.execute(f"PRAGMA {check}(1)").fetchone()[0])


def _migrate(connection: sqlite3.Connection, version: int, migrations: Sequence[str]) -> None:
    if version > 0:
        backups.back_up(connection)
    for number, script in enumerate(migrations[version:], start=version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;"
        )


def _named(error: sqlite3.DatabaseError, path: Path) -> Exception:
    if isinstance(error, sqlite3.ProgrammingError | sqlite3.IntegrityError):
        return error
    # Errors from the binding itself have no code.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY_CODE
    if code == sqlite3.SQLITE_FULL:
        return OSError(errno.ENOSPC, str(error))
    if code in _NOT_WRITABLE:
        return OSError(errno.EROFS, str(error))
    if code in _BUSY:
        return AppError(ErrorCode.FILE_BUSY, file=str(path))
    return _damaged(path, str(error))


def _damaged(path: Path, reason: str) -> AppError:
    return AppError(ErrorCode.CHATS_DAMAGED, file=str(path), reason=reason)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _folded(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").casefold()
