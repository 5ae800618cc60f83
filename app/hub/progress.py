"""Progress of a transfer of several files."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Literal

from app.core.events import Event, Progressed

_REPORT_SECONDS = 0.1


class Progress:
    """Counter of all files' bytes that reports ten times a second; thread-safe."""

    def __init__(
        self,
        step: Literal["download", "outline", "publish"],
        total_bytes: int,
        report: Callable[[Event], None],
    ) -> None:
        self._step = step
        self._total_bytes = total_bytes
        self._report = report
        self._done_bytes = 0
        self._file = ""
        self._reported = float("-inf")
        self._lock = threading.Lock()

    def enter(self, file: str, done_bytes: int = 0) -> None:
        """Move on to another file, `done_bytes` of which are already present."""
        self._file = file
        self.count(done_bytes)

    def count(self, size_bytes: int) -> None:
        """Add transferred bytes; a negative number takes back discarded ones."""
        with self._lock:
            self._done_bytes += size_bytes
            now = time.monotonic()
            is_last = self._done_bytes == self._total_bytes
            if now - self._reported < _REPORT_SECONDS and not is_last:
                return
            self._reported = now
            self._report(Progressed(self._step, self._done_bytes, self._total_bytes, self._file))
