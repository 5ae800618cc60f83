"""Daily backups of the chats; the newest few are kept."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path

from app.core import paths
from app.core.files import open_atomically

KEPT = 5
_PREFIX, _SUFFIX = "chats-", ".sqlite3"
_DAY, _MOMENT = "%Y%m%d", "%Y%m%d-%H%M%S"


def back_up(connection: sqlite3.Connection) -> Path:
    """Copy the database, remove all but the newest copies, and return the new file.

    Raises:
        AppError: `disk_full`, `folder_not_writable`, `file_busy`.
        sqlite3.DatabaseError: The database can't be read or the copy can't be written.
    """
    name = f"{_PREFIX}{datetime.now().astimezone():{_MOMENT}}{_SUFFIX}"
    backup = paths.backups_folder() / name
    with open_atomically(backup) as file:
        # SQLite writes into an existing file only if it is empty.
        connection.execute("VACUUM INTO ?", (file.name,))
    for old in newest_first()[KEPT:]:
        old.unlink(missing_ok=True)
    return backup


def is_due() -> bool:
    """Return whether today's backup is missing."""
    today = f"{_PREFIX}{datetime.now().astimezone():{_DAY}}"
    return not any(backup.name.startswith(today) for backup in newest_first())


def newest_first() -> list[Path]:
    """Return all backups, newest first."""
    return sorted(paths.backups_folder().glob(f"{_PREFIX}*{_SUFFIX}"), reverse=True)


def date_of(backup: Path) -> str:
    """Return the date of a backup, such as `2026-11-22`."""
    day = backup.name.removeprefix(_PREFIX)[:8]
    return f"{day[:4]}-{day[4:6]}-{day[6:8]}"
