"""The program's own SQLite files: opened durably and checked, with errors as `AppError`."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from app.core import files
from app.core.errors import AppError, ErrorCode
from app.core.language import tr

_COMPANIONS = ("-wal", "-shm")
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


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection without implicit transactions, with rows indexed by column name."""
    connection = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.text_factory = _text
    return connection


def make_durable(connection: sqlite3.Connection) -> None:
    """Let commits wait for the disk, and survive a crash at any point."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def schema_version(connection: sqlite3.Connection) -> int:
    """Return the number of migrations applied to the file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, scripts: tuple[str, ...]) -> None:
    """Run the scripts that are newer than the file; each leads to the version after its index."""
    version = schema_version(connection)
    for number, script in enumerate(scripts[version:], start=version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;"
        )


def check_header(path: Path, damaged: ErrorCode) -> None:
    """Refuse an existing file that SQLite would take for a new or a read-only one.

    Raises:
        AppError: `damaged`.
    """
    with path.open("rb") as file:
        start = file.read(_SHORTEST_PAGE_BYTES)
    # SQLite treats a file shorter than its smallest page as a new database, and one of an unknown
    # format as read-only.
    if len(start) < _SHORTEST_PAGE_BYTES:
        raise _damaged(path, damaged, tr("it is truncated"))
    if not set(start[_FORMAT_BYTES]) <= _KNOWN_FORMATS:
        raise _damaged(path, damaged, tr("its header is damaged"))


def check(connection: sqlite3.Connection, path: Path, damaged: ErrorCode) -> None:
    """Check the whole file, and repair damaged indexes.

    Raises:
        AppError: `damaged`.
    """
    if _answer(connection, "integrity_check") == "ok":
        return
    # Damage only in an index is repaired from its table without loss.
    if _answer(connection, "quick_check") == "ok":
        connection.execute("REINDEX")
    answer = _answer(connection, "integrity_check")
    if answer != "ok":
        raise _damaged(path, damaged, answer)


def move_aside(path: Path, aside: Path) -> None:
    """Rename a database and SQLite's files beside it."""
    # The companions first: SQLite would apply a leftover log to the new file.
    for suffix in _COMPANIONS:
        companion = path.with_name(path.name + suffix)
        if companion.exists():
            files.replace(companion, aside.with_name(aside.name + suffix))
    files.replace(path, aside)


def aside_name(path: Path) -> Path:
    """Return the dated name for a damaged file."""
    return path.with_name(f"{path.name}.bad-{datetime.now().astimezone():%Y%m%d-%H%M%S}")


@contextmanager
def raising_app_errors(path: Path, damaged: ErrorCode) -> Iterator[None]:
    """Convert SQLite's and the system's errors at `path` to `AppError`.

    `damaged` is the code for a file that is not a valid database.
    """
    with files.raising_app_errors(path.parent):
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise _named(error, path, damaged) from error
        except UnicodeDecodeError as error:
            # SQLite quotes a damaged schema in its message, which Python can't decode.
            raise _damaged(path, damaged, tr("its schema is not text")) from error


def _answer(connection: sqlite3.Connection, check: str) -> str:
    return str(connection.execute(f"PRAGMA {check}(1)").fetchone()[0])


def _named(error: sqlite3.DatabaseError, path: Path, damaged: ErrorCode) -> Exception:
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
    return _damaged(path, damaged, str(error))


def _damaged(path: Path, damaged: ErrorCode, reason: str) -> AppError:
    return AppError(damaged, file=str(path), reason=reason)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
