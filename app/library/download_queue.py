"""The download queue (SQLite); every change is committed before the call returns."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec

from app.core import sqlite_file
from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.events import NoticeReported
from app.library.unfinished_downloads import DownloadRequest

# Each script migrates from the version of its index to the next. A released script never changes,
# and a new one only adds, so that older versions of the program can use newer files.
_MIGRATIONS = (
    """
    CREATE TABLE download (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        place INTEGER NOT NULL,
        state TEXT NOT NULL,
        request TEXT NOT NULL,
        reason TEXT NOT NULL,
        added INTEGER NOT NULL
    ) STRICT;
    """,
)
_MILLISECONDS = 1000

QueueState = Literal["waiting", "running", "paused", "failed"]
Move = Literal["up", "down", "top"]

_raising_app_errors = partial(sqlite_file.raising_app_errors, damaged=ErrorCode.DOWNLOADS_DAMAGED)


class QueuedDownload(msgspec.Struct, frozen=True):
    """A download that is wanted; `reason` is a sentence that says why it failed.

    The states are the user's wishes, or their results: after a crash, a download is still
    `running` here although nothing fetches it.
    """

    id: int
    request: DownloadRequest
    state: QueueState
    reason: str
    added: datetime


class DownloadQueue:
    """All downloads that are not finished, in the order in which they start.

    Used by one thread at a time. Every method raises `AppError` (`disk_full`,
    `folder_not_writable`, `file_busy`, `downloads_damaged`) if the disk fails.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises:
            AppError: As above.
        """
        self._path = path
        with _raising_app_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                sqlite_file.check_header(path, ErrorCode.DOWNLOADS_DAMAGED)
            self._connection = sqlite_file.connect(path)
            try:
                sqlite_file.make_durable(self._connection)
                sqlite_file.check(self._connection, path, ErrorCode.DOWNLOADS_DAMAGED)
                sqlite_file.migrate(self._connection, _MIGRATIONS)
                self.entries()
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def entries(self) -> tuple[QueuedDownload, ...]:
        """Return all downloads in order, without those that only a newer version understands."""
        with _raising_app_errors(self._path):
            rows = self._connection.execute(
                "SELECT id, state, request, reason, added FROM download ORDER BY place, id"
            ).fetchall()
        return tuple(entry for entry in map(_entry_from, rows) if entry is not None)

    def add(self, request: DownloadRequest) -> QueuedDownload:
        """Add a download at the end; one that is there waits again, at its place."""
        with self._transaction():
            found = [one for one in self.entries() if one.request.key == request.key]
            if found:
                self._execute(
                    "UPDATE download SET state = 'waiting', reason = '', request = :request "
                    "WHERE id = :id",
                    id=found[0].id,
                    request=_text_of(request),
                )
            else:
                self._execute(
                    "INSERT INTO download (place, state, request, reason, added) VALUES "
                    "((SELECT ifnull(max(place), 0) + 1 FROM download), 'waiting', :request, '', "
                    ":now)",
                    request=_text_of(request),
                    now=round(datetime.now(UTC).timestamp() * _MILLISECONDS),
                )
            return next(one for one in self.entries() if one.request.key == request.key)

    def mark(self, state: QueueState, *ids: int, reason: str = "") -> None:
        """Change the state of downloads, as far as they are there; all of them or none."""
        with self._transaction():
            for one in ids:
                self._execute(
                    "UPDATE download SET state = :state, reason = :reason WHERE id = :id",
                    state=state,
                    reason=reason,
                    id=one,
                )

    def remove(self, download: int) -> None:
        """Take out a download that has finished or is canceled, if it is there."""
        with self._transaction():
            self._execute("DELETE FROM download WHERE id = :id", id=download)

    def move(self, download: int, where: Move) -> None:
        """Move a download by one place or to the top; the first and the last stay in the queue."""
        with self._transaction():
            order = [
                row["id"] for row in self._execute("SELECT id FROM download ORDER BY place, id")
            ]
            if download not in order:
                return
            place = order.index(download)
            order.remove(download)
            order.insert({"up": max(place - 1, 0), "down": place + 1, "top": 0}[where], download)
            for number, one in enumerate(order, start=1):
                self._execute(
                    "UPDATE download SET place = :place WHERE id = :id", place=number, id=one
                )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with _raising_app_errors(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            with self._connection:
                yield

    def _execute(self, statement: str, **values: str | int) -> sqlite3.Cursor:
        return self._connection.execute(statement, values)


def open_queue(path: Path) -> tuple[DownloadQueue, NoticeReported | None]:
    """Open the queue; move a damaged file aside to a dated name and return a notice.

    Raises:
        AppError: `disk_full`, `folder_not_writable`, `file_busy`: nothing can be stored.
    """
    try:
        return DownloadQueue(path), None
    except AppError as error:
        if error.code is not ErrorCode.DOWNLOADS_DAMAGED:
            raise
    aside = sqlite_file.aside_name(path)
    with _raising_app_errors(path):
        sqlite_file.move_aside(path, aside)
    return DownloadQueue(path), NoticeReported(NoticeCode.DOWNLOADS_RESET, {"file": str(aside)})


def _text_of(request: DownloadRequest) -> str:
    return msgspec.json.encode(request).decode()


def _entry_from(row: sqlite3.Row) -> QueuedDownload | None:
    try:
        request = msgspec.json.decode(row["request"], type=DownloadRequest)
        added = datetime.fromtimestamp(row["added"] / _MILLISECONDS, UTC)
        values = {**dict(row), "request": request, "added": added}
        return msgspec.convert(values, QueuedDownload)
    except (ValueError, OverflowError, OSError):
        return None
