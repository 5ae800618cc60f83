"""Read a text file of the user, whatever it turns out to be."""

from __future__ import annotations

import codecs
import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

from app.core.errors import AppError, ErrorCode, ErrorDetails, NoticeCode, unreadable_file
from app.core.events import NoticeReported
from app.core.language import tr

MOST_BYTES_READ = 8_000_000
"""About 2 million tokens, many times what an importance matrix needs."""
# A pipe without a writer would block, and O_BINARY is Windows's.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def read_own_text(file: Path, report: Callable[[NoticeReported], object]) -> str:
    """Return the text of a UTF-8 file, or its first 8 MB with a notice; never waits for a pipe.

    Raises:
        AppError: `file_unreadable`; `text_unusable` if it is no regular file, not UTF-8, or empty.
    """
    try:
        content, size_bytes = _read(file)
    except OSError as error:
        raise unreadable_file(file, error) from error
    except ValueError as error:
        # A name with a null character.
        raise AppError(ErrorCode.FILE_UNREADABLE, file=file.name, reason=str(error)) from error
    text = _decoded(file, content, is_whole=size_bytes <= MOST_BYTES_READ)
    if not text.strip():
        raise _unusable(file, tr("it is empty"))
    if size_bytes > MOST_BYTES_READ:
        details: ErrorDetails = {
            "file": file.name,
            "read_bytes": MOST_BYTES_READ,
            "size_bytes": size_bytes,
        }
        report(NoticeReported(NoticeCode.TEXT_CUT, details))
    return text


def _read(file: Path) -> tuple[bytes, int]:
    """Return the first 8 MB of a file, and its whole size."""
    descriptor = os.open(file, _FLAGS)
    try:
        state = os.fstat(descriptor)
        if stat.S_ISDIR(state.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(state.st_mode):
            raise _unusable(file, tr("it is not a regular file"))
        with os.fdopen(descriptor, "rb", closefd=False) as opened:
            content = opened.read(MOST_BYTES_READ)
        # Files such as those in /proc have a size of 0.
        return content, max(state.st_size, len(content))
    finally:
        os.close(descriptor)


def _decoded(file: Path, content: bytes, *, is_whole: bool) -> str:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        # A cut may fall into a character.
        return decoder.decode(content, final=is_whole)
    except UnicodeDecodeError as error:
        place = tr("it is not UTF-8, at byte {place}", place=f"{error.start:,}")
        raise _unusable(file, place) from error


def _unusable(file: Path, reason: str) -> AppError:
    return AppError(ErrorCode.TEXT_UNUSABLE, file=file.name, reason=reason)
