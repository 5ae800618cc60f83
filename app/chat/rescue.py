"""Recovery from a damaged chat database: move it aside and restore the newest backup."""

from __future__ import annotations

import shutil
from pathlib import Path

from app.chat import backups, database
from app.core.errors import NoticeCode
from app.core.events import NoticeReported
from app.core.files import open_atomically
from app.core.sqlite_file import aside_name, move_aside


def replace_damaged(path: Path) -> NoticeReported:
    """Move the file aside and restore the newest intact backup, if there is one.

    Raises:
        AppError: `disk_full`, `folder_not_writable`, `file_busy`.
    """
    aside = aside_name(path)
    backup = next(filter(database.is_sound, backups.newest_first()), None)
    with database.raising_app_errors(path):
        if backup is None:
            move_aside(path, aside)
            return NoticeReported(NoticeCode.CHATS_RESET, {"file": str(aside)})
        with open_atomically(path) as restored, backup.open("rb") as source:
            shutil.copyfileobj(source, restored)
            # Last, so that a kill during the copy leaves the damaged file to be found again.
            move_aside(path, aside)
    details = {"file": str(aside), "date": backups.date_of(backup)}
    return NoticeReported(NoticeCode.CHATS_RESTORED, {**details})
