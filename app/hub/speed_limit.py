"""Limit of the speed of all connections of a process together."""

from __future__ import annotations

import threading
import time

_BURST_SECONDS = 0.1


class SpeedLimit:
    """Bytes per second that connections may receive together; 0 is no limit. Thread-safe."""

    def __init__(self, bytes_per_second: float = 0) -> None:
        self._bytes_per_second = bytes_per_second
        self._due = 0.0
        self._lock = threading.Lock()

    def spend(self, size_bytes: int) -> None:
        """Wait until bytes that were received have become due."""
        if not self._bytes_per_second:
            return
        with self._lock:
            now = time.monotonic()
            # What was not used earlier doesn't count, or a pause would be followed by a rush.
            self._due = max(self._due, now - _BURST_SECONDS) + size_bytes / self._bytes_per_second
            wait = self._due - now
        time.sleep(max(0.0, wait))
