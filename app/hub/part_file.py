"""The growing `NAME.part` of a file, with a record beside it by which a later run can go on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from app.core.files import PART_SUFFIX, replace, write_atomically
from app.hub.checksum import Checksum
from app.hub.repository import RepositoryFile

_RECORD_SUFFIX = f"{PART_SUFFIX}.json"
_BUFFER_BYTES = 2**20
"""The most that a kill loses; far below the 16 MB that a resume may fetch again."""


class PartRecord(msgspec.Struct, frozen=True):
    """Which content a part is the beginning of; `etag` is the storage's name for it, if any."""

    repository: str
    commit: str
    path: str
    size_bytes: int
    sha256: str | None
    blob_id: str | None
    etag: str = ""

    def is_of(self, file: RepositoryFile) -> bool:
        """Whether the content is the same; the commit may be another."""
        recorded = RepositoryFile(self.path, self.size_bytes, self.sha256, self.blob_id)
        return recorded == file


class PartFile:
    """What has arrived of one file so far."""

    def __init__(
        self,
        content: BinaryIO,
        destination: Path,
        repository: str,
        commit: str,
        file: RepositoryFile,
        observe: Callable[[int], None],
    ) -> None:
        self._content = content
        self._record_file = _record_of(destination)
        self._new_record = PartRecord(
            repository, commit, file.path, file.size_bytes, file.sha256, file.blob_id
        )
        self._file = file
        self._observe = observe
        self._checksum = Checksum(file)
        self._repeated = 0
        self.received = 0
        self.etag = ""
        self._take_over()

    @property
    def is_whole(self) -> bool:
        """Whether all bytes are there, be they right or wrong."""
        return self.received == self._file.size_bytes

    def is_intact(self) -> bool:
        """Whether the checksum is the one the Hub gives."""
        return self._checksum.matches()

    def append(self, chunk: bytes) -> None:
        """Add what has arrived, as far as it is not there already; nothing beyond the whole.

        The checksum tells in the end, should more have arrived than there can be.
        """
        new = chunk[self._common(chunk) :][: self._file.size_bytes - self.received]
        if not new:
            return
        self._content.write(new)
        self._checksum.update(new)
        self._count(len(new))

    def begin(self, etag: str) -> None:
        """The content, which the storage calls `etag`, comes again from its beginning.

        What is there stays as far as it is the same.
        """
        self._repeated = self.received
        self.etag = etag
        record = msgspec.structs.replace(self._new_record, etag=etag)
        write_atomically(self._record_file, msgspec.json.encode(record))

    def clear(self) -> None:
        """Drop what is there."""
        self._content.seek(0)
        self._content.truncate()
        self._checksum = Checksum(self._file)
        self._repeated = 0
        self._count(-self.received)

    def sync(self) -> None:
        """Bring everything to the disk."""
        self._content.flush()
        os.fsync(self._content.fileno())

    def _take_over(self) -> None:
        record = _read(self._record_file)
        if record is None or not record.is_of(self._file):
            self.clear()
            return
        self.etag = record.etag
        self._cut(min(os.fstat(self._content.fileno()).st_size, self._file.size_bytes))

    def _common(self, chunk: bytes) -> int:
        """How much of a chunk is there already; what is there and differs is dropped."""
        if not self._repeated:
            return 0
        begin = self.received - self._repeated
        self._content.seek(begin)
        known = self._content.read(min(self._repeated, len(chunk)))
        self._content.seek(0, os.SEEK_END)
        if chunk.startswith(known):
            self._repeated -= len(known)
            return len(known)
        same = next(place for place, byte in enumerate(known) if chunk[place] != byte)
        self._repeated = 0
        self._cut(begin + same)
        return same

    def _cut(self, size_bytes: int) -> None:
        """Keep so many bytes from the beginning."""
        self._content.truncate(size_bytes)
        self._content.seek(0)
        self._checksum = Checksum(self._file)
        self._count(-self.received)
        self._checksum.take_in(self._content, self._count)

    def _count(self, size_bytes: int) -> None:
        self.received += size_bytes
        self._observe(size_bytes)


@contextmanager
def open_part(
    destination: Path,
    repository: str,
    commit: str,
    file: RepositoryFile,
    observe: Callable[[int], None],
) -> Iterator[PartFile]:
    """The part of `destination`: what an earlier run left of the same content, or an empty one.

    Args:
        destination: The file's final path.
        repository: As `owner/name`.
        commit: That the file is fetched at.
        file: Its size and checksum.
        observe: Hears how many bytes were gained, or lost when it begins anew.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    with _part_of(destination).open("a+b", buffering=_BUFFER_BYTES) as content:
        yield PartFile(content, destination, repository, commit, file, observe)


def keep_part(destination: Path) -> None:
    """Give the verified part its final name."""
    replace(_part_of(destination), destination)
    _record_of(destination).unlink(missing_ok=True)


def remove_part(destination: Path) -> None:
    """Remove the part and its record."""
    _part_of(destination).unlink(missing_ok=True)
    _record_of(destination).unlink(missing_ok=True)


def remove_empty_part(destination: Path) -> None:
    """Remove a part that holds nothing worth keeping."""
    part = _part_of(destination)
    if part.exists() and part.stat().st_size == 0:
        remove_part(destination)


def part_bytes(destination: Path, file: RepositoryFile) -> int:
    """How many bytes of `file` an earlier run left."""
    record = _read(_record_of(destination))
    if record is None or not record.is_of(file) or not _part_of(destination).exists():
        return 0
    return min(_part_of(destination).stat().st_size, file.size_bytes)


def remove_abandoned(folder: Path, repository: str, current: set[str]) -> None:
    """Remove the parts in `folder` of files that `repository` has no more."""
    # The folder may be any that a person chose: two levels, not all that lies below it.
    for record_file in (*folder.glob(f"*{_RECORD_SUFFIX}"), *folder.glob(f"*/*{_RECORD_SUFFIX}")):
        record = _read(record_file)
        if record and record.repository == repository and record.path not in current:
            remove_part(record_file.with_name(record_file.name.removesuffix(_RECORD_SUFFIX)))


def _part_of(destination: Path) -> Path:
    return destination.with_name(destination.name + PART_SUFFIX)


def _record_of(destination: Path) -> Path:
    return destination.with_name(destination.name + _RECORD_SUFFIX)


def _read(file: Path) -> PartRecord | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=PartRecord)
    except (OSError, msgspec.DecodeError):
        return None
