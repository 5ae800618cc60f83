"""Lock on a folder, so that only one download at a time writes to it, and nothing deletes it."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.core.errors import AppError, ErrorCode

OWN_PREFIX = ".gristmill"
"""Begins the names of all records in folders of downloads."""
_NAME = f"{OWN_PREFIX}.lock"
_PATIENCE_SECONDS = 1.0
_PAUSE_SECONDS = 0.05
_TAKEN = frozenset({errno.EAGAIN, errno.EACCES, errno.EDEADLK})


@contextmanager
def exclusive_folder(
    folder: Path, repository: str, *, patience_seconds: float = _PATIENCE_SECONDS
) -> Iterator[None]:
    """Lock `folder` against downloads; the system unlocks it when this process ends.

    Raises:
        AppError: `download_busy` if another process holds the lock for longer than the patience.
    """
    descriptor = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _wait_for(descriptor, repository, patience_seconds)
        yield
    finally:
        os.close(descriptor)


def is_locked(folder: Path) -> bool:
    """Return whether a download of any process is writing to a folder now."""
    if not (folder / _NAME).exists():
        return False
    try:
        with exclusive_folder(folder, folder.name, patience_seconds=0):
            return False
    except AppError:
        return True
    except OSError:
        # A folder that can't be written to has no download, either.
        return False


def remove_untouched(folder: Path) -> None:
    """Remove a folder that contains only the lock, and its parent if that is then empty."""
    with suppress(OSError):
        if {path.name for path in folder.iterdir()} == {_NAME}:
            (folder / _NAME).unlink()
            folder.rmdir()
            folder.parent.rmdir()


def _wait_for(descriptor: int, repository: str, patience_seconds: float) -> None:
    given_up = time.monotonic() + patience_seconds
    while True:
        try:
            _try_lock(descriptor)
        except OSError as error:
            if error.errno not in _TAKEN:
                # Some network drives don't support locks; download without one.
                return
            if time.monotonic() >= given_up:
                raise AppError(ErrorCode.DOWNLOAD_BUSY, file=repository) from error
            time.sleep(_PAUSE_SECONDS)
        else:
            return


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
