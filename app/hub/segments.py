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


@dataclass(frozen=True)
class Range:
    """Bytes of a file from `start` up to `end`."""

    start: int
    end: int


class Segments:
    """The segments of one file; thread-safe.

    Each segment arrives from its beginning and is fetched by one connection at a time.
    """

    def __init__(self, size_bytes: int, segment_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._segment_bytes = segment_bytes or max(1, size_bytes)
        self._counts = [0] * max(1, -(-size_bytes // self._segment_bytes))
        self._taken: set[int] = set()
        self._store: BinaryIO | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._counts)

    @property
    def received(self) -> int:
        """How many bytes have arrived in all."""
        return sum(self._counts)

    def read(self, file: Path) -> bool:
        """Take the counts from a file that `kept_in` wrote; return False if it is damaged."""
        try:
            counts = [count for (count,) in _COUNT.iter_unpack(file.read_bytes())]
        except (OSError, struct.error):
            return False
        if len(counts) != len(self) or any(map(self._is_too_much, range(len(self)), counts)):
            return False
        self._counts = counts
        return True

    @contextmanager
    def kept_in(self, file: Path) -> Iterator[None]:
        """Keep the counts in a file, of eight bytes each, until the block ends.

        A kill loses none of them. After a power failure they may be ahead of the content, which the
        checksum shows.
        """
        if not self.read(file):
            file.write_bytes(b"".join(map(_COUNT.pack, self._counts)))
        with file.open("r+b", buffering=0) as self._store:
            yield

    def end_at(self, offset: int) -> int:
        """Return the offset at which the segment at an offset ends."""
        return self._range(self._index_at(offset)).end

    def known_at(self, offset: int) -> int:
        """Return how many bytes from an offset on have arrived, within its segment."""
        index = self._index_at(offset)
        return max(0, self._range(index).start + self._counts[index] - offset)

    def arrived(self, end: int) -> None:
        """Record that the segment that the byte before `end` is in has arrived up to there."""
        index = self._index_at(end - 1)
        self._set(index, end - self._range(index).start)

    def keep_first(self, size_bytes: int) -> None:
        """Record that just the first bytes of the file have arrived."""
        for index in range(len(self)):
            part = self._range(index)
            self._set(index, min(max(size_bytes, part.start), part.end) - part.start)

    def take(self, *, is_alone: bool) -> Range | None:
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
            self._taken.update(range(first, last + 1))
            return Range(self._range(first).start + self._counts[first], self._range(last).end)

    def take_all(self, mine: Range) -> Range | None:
        """Reserve the whole file in place of `mine`; None if others are fetching some of it."""
        with self._lock:
            if self._taken != set(self._indices(mine)):
                return None
            self._taken = set(range(len(self)))
            return Range(0, self._size_bytes)

    def release(self, mine: Range) -> None:
        """End a reservation."""
        with self._lock:
            self._taken.difference_update(self._indices(mine))

    def _is_free(self, index: int) -> bool:
        part = self._range(index)
        return index not in self._taken and self._counts[index] < part.end - part.start

    def _is_too_much(self, index: int, count: int) -> bool:
        part = self._range(index)
        return count > part.end - part.start

    def _set(self, index: int, count: int) -> None:
        with self._lock:
            self._counts[index] = count
            if self._store:
                self._store.seek(index * _COUNT.size)
                self._store.write(_COUNT.pack(count))

    def _index_at(self, offset: int) -> int:
        return min(offset // self._segment_bytes, len(self) - 1)

    def _range(self, index: int) -> Range:
        start = index * self._segment_bytes
        return Range(start, min(start + self._segment_bytes, self._size_bytes))

    def _indices(self, mine: Range) -> range:
        return range(self._index_at(mine.start), self._index_at(mine.end - 1) + 1)
