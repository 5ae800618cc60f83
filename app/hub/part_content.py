"""The open content of a part: several connections write to it, and its checksum keeps up."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from app.core.json_store import JsonStore
from app.hub.checksum import Checksum
from app.hub.fresh_bytes import FreshBytes
from app.hub.part_record import PartRecord
from app.hub.segments import Reservation, Segments

_STEP_BYTES = 2**22


class PartContent:
    """The content of a part; thread-safe.

    Args:
        path: Where it is.
        reader: The same, open for reading.
        store: Where its record is kept.
        record: Its record, before any connection has begun.
        segments: How much of it has arrived.
        observe: Called with the number of bytes gained, negative when some are dropped.
    """

    def __init__(
        self,
        path: Path,
        reader: BinaryIO,
        store: JsonStore[PartRecord],
        record: PartRecord,
        segments: Segments,
        observe: Callable[[int], None],
    ) -> None:
        self.segments = segments
        self._path = path
        self._reader = reader
        self._store = store
        self._record = record
        self._is_recorded = False
        self._record_lock = threading.Lock()
        self._file = record.file
        self._observe = observe
        self._checksum = Checksum(self._file)
        self._summed = 0
        self._fresh = FreshBytes()
        self._sum_lock = threading.Lock()
        self._repairs = False
        self._replaced: int | None = None

    @property
    def received(self) -> int:
        """The number of bytes that have arrived, correct or not."""
        return self.segments.received

    @property
    def is_whole(self) -> bool:
        """True if all bytes are there, correct or not."""
        return self.received == self._file.size_bytes

    @property
    def missing_bytes(self) -> int:
        """The number of bytes that it will grow by."""
        return 0 if self._repairs else self._file.size_bytes - self.received

    @property
    def etag(self) -> str:
        """The storage's name for the content, if any."""
        return self._record.etag

    @property
    def may_be_repaired(self) -> bool:
        """True once a segment in which bytes differed has been replaced, until `end_repair`."""
        replaced = self._replaced
        return replaced is not None and self.segments.is_complete_at(replaced)

    def add_to_checksum(self) -> bool:
        """Add the next few megabytes to the checksum; return False if they have not arrived."""
        with self._sum_lock:
            pieces = self._fresh.take() or self._stored()
            for piece in pieces:
                self._checksum.update(piece)
                self._summed += len(piece)
            return bool(pieces)

    def _stored(self) -> list[bytes]:
        """Read the next few megabytes, which are no longer in memory."""
        known = min(self.segments.known_at(self._summed), _STEP_BYTES)
        if not known:
            return []
        self._reader.seek(self._summed)
        content = self._reader.read(known)
        self._fresh.begin_at(self._summed + len(content))
        return [content] if content else []

    def is_intact(self) -> bool:
        """Return whether the checksum is the one that the Hub lists."""
        while self.add_to_checksum():
            pass
        return self._checksum.matches()

    def begin(self, etag: str) -> None:
        """Record the part before bytes of the content with this ETag in the storage arrive."""
        with self._record_lock:
            if self._is_recorded and etag == self.etag:
                return
            self._record = msgspec.structs.replace(self._record, etag=etag)
            self._store.write(self._record)
            self._is_recorded = True

    @contextmanager
    def writer(self, mine: Reservation) -> Iterator[PartWriter]:
        """Open the content for the bytes that one connection has reserved."""
        with self._path.open("r+b", buffering=0) as stream:
            stream.seek(mine.start)
            yield PartWriter(self, stream, mine)

    def begin_repair(self) -> None:
        """Let all bytes come again; those that differ will be replaced."""
        self._repairs = True
        self._keep_first(0)

    def end_repair(self) -> None:
        """Keep the bytes that have not come again if the checksum is right by now.

        No connection may be writing. This reads all bytes.
        """
        self._repairs, self._replaced = False, None
        checksum = Checksum(self._file)
        self._reader.seek(0)
        checksum.update_from(self._reader)
        if checksum.matches():
            self._checksum, self._summed = checksum, self._file.size_bytes
            self._fresh.begin_at(self._summed)
            self._observe(self._file.size_bytes - self.received)
            self.segments.keep_first(self._file.size_bytes)

    def sync(self) -> None:
        """Write everything to disk."""
        with self._path.open("r+b") as stream:
            os.fsync(stream.fileno())

    def take(self, stream: BinaryIO, offset: int, piece: memoryview) -> None:
        """Add the bytes of a connection at an offset where its segment has none yet.

        The stream is at the offset, and afterwards after them.
        """
        if not (self._repairs and _holds(stream, offset, piece)):
            if self._repairs and self._replaced is None:
                self._replaced = offset
            _write(stream, piece)
        self._fresh.offer(offset, piece)
        self.segments.arrived(offset + len(piece))
        self._observe(len(piece))

    def cut(self, size_bytes: int) -> None:
        """Keep only the first bytes."""
        os.truncate(self._path, size_bytes)
        self._keep_first(size_bytes)

    def _keep_first(self, size_bytes: int) -> None:
        with self._sum_lock:
            dropped = self.received - size_bytes
            self.segments.keep_first(size_bytes)
            if self._summed > size_bytes:
                self._checksum, self._summed = Checksum(self._file), 0
            self._fresh.begin_at(self._summed)
        self._observe(-dropped)


class PartWriter:
    """Writes the bytes of one connection to a part.

    Bytes that are there already are compared. If they differ, they and all after them are dropped.
    """

    def __init__(self, content: PartContent, stream: BinaryIO, mine: Reservation) -> None:
        self._content = content
        self._stream = stream
        self._segments = content.segments
        self._mine = mine
        self._offset = mine.start

    @property
    def is_done(self) -> bool:
        """True when the last reserved byte has arrived; the reservation may become shorter."""
        return self._offset >= self._mine.end

    def write(self, chunk: bytes) -> None:
        """Add the next bytes; ignore those that are not reserved."""
        rest = memoryview(chunk)
        while rest and not self.is_done:
            length = self._add(rest[: self._segments.end_at(self._offset) - self._offset])
            self._offset += length
            rest = rest[length:]

    def _add(self, piece: memoryview) -> int:
        """Add bytes of one segment; return how many."""
        known = self._segments.known_at(self._offset)
        if not known:
            self._content.take(self._stream, self._offset, piece)
            return len(piece)
        repeated = min(known, len(piece))
        there = self._stream.read(repeated)
        same = _common(there, piece)
        if same < repeated:
            self._content.cut(self._offset + same)
            self._stream.seek(self._offset + same)
        return same


def _common(there: bytes, piece: memoryview) -> int:
    """Return how many of the bytes that are there begin a piece."""
    if piece[: len(there)] == there:
        return len(there)
    return next(place for place, byte in enumerate(there) if piece[place] != byte)


def _holds(stream: BinaryIO, offset: int, piece: memoryview) -> bool:
    if stream.read(len(piece)) == piece:
        return True
    stream.seek(offset)
    return False


def _write(stream: BinaryIO, piece: memoryview) -> None:
    while piece:
        piece = piece[stream.write(piece) :]
