"""Bytes on their way from the connection that writes them to the checksum."""

from __future__ import annotations

import threading
from collections import deque

_MOST_BYTES = 2**24
_PATIENCE_SECONDS = 1.0


class FreshBytes:
    """What was written after the bytes that the checksum has; thread-safe.

    The checksum need not read it again. It waits for the checksum when there is too much of it, so
    that the one who writes can't run away.
    """

    def __init__(self) -> None:
        self._pieces: deque[memoryview] = deque()
        self._size_bytes = 0
        self._end = 0
        self._changed = threading.Condition()

    def offer(self, offset: int, piece: memoryview) -> None:
        """Keep a piece that was written at an offset, unless others come before it."""
        with self._changed:
            if offset != self._end:
                return
            self._changed.wait_for(lambda: self._size_bytes < _MOST_BYTES, _PATIENCE_SECONDS)
            # Nobody may be computing the checksum now, and it may have begun anew meanwhile.
            if offset == self._end and self._size_bytes < _MOST_BYTES:
                self._pieces.append(piece)
                self._size_bytes += len(piece)
                self._end += len(piece)

    def take(self) -> list[memoryview]:
        """Return all pieces, which follow the bytes that the checksum has."""
        with self._changed:
            taken = list(self._pieces)
            self._pieces.clear()
            self._size_bytes = 0
            self._changed.notify_all()
            return taken

    def begin_at(self, offset: int) -> None:
        """Drop all pieces; the next one may be at this offset, which the checksum has reached."""
        with self._changed:
            self._pieces.clear()
            self._size_bytes, self._end = 0, offset
            self._changed.notify_all()
