"""Segments of a file: how much of each has arrived, and which are being fetched now."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_COUNT = struct.Struct("<Q")
_UNSTORED_BYTES = 2**20


@dataclass(frozen=True)
class Range:
    """Bytes of a file from `start` up to `end`."""

    start: int
    end: int


@dataclass(eq=False)
class Reservation:
    """Bytes of a file, from `start` up to `end`, that one connection fetches.

    It may be shortened meanwhile.
    """

    start: int
    end: int

    def range(self) -> Range:
        """Return the bytes that are reserved now."""
        return Range(self.start, self.end)


class Segments:
    """The segments of one file; thread-safe.

    Each segment arrives from its beginning and is fetched by one connection at a time.
    """

    def __init__(self, size_bytes: int, segment_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._segment_bytes = segment_bytes or max(1, size_bytes)
        self._counts = [0] * max(1, -(-size_bytes // self._segment_bytes))
        self._taken: list[Reservation] = []
        self._store: BinaryIO | None = None
        self._stored: list[int] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._counts)

    @property
    def received(self) -> int:
        """The number of bytes that have arrived in all."""
        return sum(self._counts)

    def read(self, file: Path) -> bool:
        """Take the counts from a file that `kept_in` wrote; return False if it is damaged."""
        try:
            counts = [count for (count,) in _COUNT.iter_unpack(file.read_bytes())]
        except (OSError, struct.error):
            return False
        if len(counts) != len(self) or max(counts) > self._segment_bytes:
            return False
        self._counts = counts
        return True

    @contextmanager
    def kept_in(self, file: Path) -> Iterator[None]:
        """Keep the counts in a file, of eight bytes each, until the block ends.

        A kill loses a megabyte of each at most. After a power failure they may be ahead of the
        content, which the checksum shows.
        """
        if not self.read(file):
            file.write_bytes(b"".join(map(_COUNT.pack, self._counts)))
        self._stored = list(self._counts)
        with file.open("r+b", buffering=0) as self._store:
            try:
                yield
            finally:
                for index in range(len(self)):
                    self._keep(index)

    def end_at(self, offset: int) -> int:
        """Return the offset at which the segment at an offset ends."""
        return self._start_of(self._index_at(offset) + 1)

    def is_complete_at(self, offset: int) -> bool:
        """Return whether the segment at an offset has arrived."""
        return self._is_complete(self._index_at(offset))

    def known_at(self, offset: int) -> int:
        """Return how many bytes from an offset on have arrived, within its segment."""
        index = self._index_at(offset)
        return max(0, self._start_of(index) + self._counts[index] - offset)

    def arrived(self, end: int) -> None:
        """Record that the segment that the byte before `end` is in has arrived up to there."""
        index = self._index_at(end - 1)
        self._set(index, end - self._start_of(index))

    def keep_first(self, size_bytes: int) -> None:
        """Record that just the first bytes of the file have arrived."""
        for index in range(len(self)):
            start, end = self._start_of(index), self._start_of(index + 1)
            self._set(index, min(max(size_bytes, start), end) - start)

    def take(self, *, is_alone: bool) -> Reservation | None:
        """Reserve the first missing bytes that nobody fetches; None if there are none.

        They are those of one segment, or for the only connection all up to the next byte that has
        arrived.
        """
        with self._lock:
            first = next(filter(self._is_free, range(len(self))), None)
            if first is None:
                return None
            last = first
            while is_alone and last + 1 < len(self) and not self._counts[last + 1]:
                last += 1
            start = self._start_of(first) + self._counts[first]
            mine = Reservation(start, self._start_of(last + 1))
            self._taken.append(mine)
            return mine

    def share(self) -> None:
        """Shorten all reservations to the segment that is arriving."""
        with self._lock:
            for mine in self._taken:
                index = self._index_at(mine.start)
                while index < len(self) - 1 and self._is_complete(index):
                    index += 1
                mine.end = min(mine.end, self._start_of(index + 1))

    def take_all(self, mine: Reservation) -> bool:
        """Extend a reservation to the whole file; return False if there are others."""
        with self._lock:
            if self._taken != [mine]:
                return False
            mine.start, mine.end = 0, self._size_bytes
            return True

    def release(self, mine: Reservation) -> None:
        """End a reservation."""
        with self._lock:
            self._taken.remove(mine)

    def _is_free(self, index: int) -> bool:
        start, end = self._start_of(index), self._start_of(index + 1)
        is_taken = any(mine.start < end and start < mine.end for mine in self._taken)
        return not is_taken and not self._is_complete(index)

    def _is_complete(self, index: int) -> bool:
        return self._start_of(index) + self._counts[index] == self._start_of(index + 1)

    def _set(self, index: int, count: int) -> None:
        with self._lock:
            self._counts[index] = count
            # Each write lets the other threads in, and this one waits for its turn again.
            if self._store and not 0 <= count - self._stored[index] < _UNSTORED_BYTES:
                self._keep(index)

    def _keep(self, index: int) -> None:
        if self._store and self._stored[index] != self._counts[index]:
            self._stored[index] = self._counts[index]
            self._store.seek(index * _COUNT.size)
            self._store.write(_COUNT.pack(self._counts[index]))

    def _index_at(self, offset: int) -> int:
        return min(offset // self._segment_bytes, len(self) - 1)

    def _start_of(self, index: int) -> int:
        return min(index * self._segment_bytes, self._size_bytes)
