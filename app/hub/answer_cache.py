"""Answers of the Hub on the disk, so that pages open at once, even without a network.

A file holds the answer's ETag in its first line, then the answer; its time is that of the last
answer that confirmed it. Its name is a checksum of the address and the access token, since answers
differ between users.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import AppError
from app.core.files import write_atomically

_LARGEST_BYTES = 20 * 10**6
_SUFFIX = ".answer"


@dataclass(frozen=True)
class SavedAnswer:
    """A saved answer and its age in seconds."""

    content: bytes
    etag: str
    age_seconds: float


class AnswerCache:
    """Answers in `folder`; the oldest go when they exceed `largest_bytes`. Thread-safe.

    Errors of the file system are ignored: the answers are asked for again.
    """

    def __init__(
        self,
        folder: Path,
        largest_bytes: int = _LARGEST_BYTES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._largest_bytes = largest_bytes
        self._clock = clock
        self._lock = threading.Lock()

    def find(self, address: str, token: str | None) -> SavedAnswer | None:
        """Return the saved answer, or None."""
        file = self._file_of(address, token)
        try:
            age_seconds = self._clock() - file.stat().st_mtime
            etag, line, content = file.read_bytes().partition(b"\n")
        except OSError:
            return None
        return SavedAnswer(content, etag.decode("latin-1"), age_seconds) if line else None

    def save(self, address: str, token: str | None, content: bytes, etag: str) -> None:
        """Save an answer, which is fresh now."""
        line = etag.encode("latin-1", "ignore").replace(b"\n", b"")
        with suppress(AppError, OSError), self._lock:
            file = self._file_of(address, token)
            write_atomically(file, line + b"\n" + content)
            self._stamp(file)
            self._trim()

    def renew(self, address: str, token: str | None) -> None:
        """Note that a saved answer is fresh now."""
        with suppress(OSError):
            self._stamp(self._file_of(address, token))

    def _stamp(self, file: Path) -> None:
        now = self._clock()
        os.utime(file, (now, now))

    def _trim(self) -> None:
        files = [(file.stat(), file) for file in self._folder.glob(f"*{_SUFFIX}")]
        total_bytes = sum(status.st_size for status, _ in files)
        for status, file in sorted(files, key=lambda pair: pair[0].st_mtime):
            if total_bytes <= self._largest_bytes:
                return
            file.unlink(missing_ok=True)
            total_bytes -= status.st_size

    def _file_of(self, address: str, token: str | None) -> Path:
        name = hashlib.sha256(f"{token or ''}\n{address}".encode()).hexdigest()
        return self._folder / f"{name}{_SUFFIX}"
