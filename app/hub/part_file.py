"""A partly downloaded file, `NAME.part`, and the record by which a later run resumes it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from app.core.files import PART_SUFFIX, replace
from app.core.json_store import JsonStore
from app.hub.checksum import Checksum
from app.hub.repository import RepositoryFile

_RECORD_SUFFIX = f"{PART_SUFFIX}.json"
_BUFFER_BYTES = 2**20
"""The most that a kill loses; far below the 16 MB that a resume may fetch again."""


class PartRecord(msgspec.Struct, frozen=True):
    """Identity of the file that a part belongs to; `etag` is the storage's name for it, if any."""

    repository: str
    commit: str
    path: str
    size_bytes: int
    sha256: str | None
    blob_id: str | None
    etag: str = ""

    def belongs_to(self, file: RepositoryFile) -> bool:
        """Return whether the content is that of `file`; the commit may differ."""
        recorded = RepositoryFile(self.path, self.size_bytes, self.sha256, self.blob_id)
        return recorded == file


class PartFile:
    """The part of the file `destination` on disk, with its record next to it."""

    def __init__(self, destination: Path) -> None:
        self._destination = destination
        self._path = destination.with_name(destination.name + PART_SUFFIX)
        record_file = destination.with_name(destination.name + _RECORD_SUFFIX)
        self._record = JsonStore(record_file, PartRecord)

    @contextmanager
    def open(
        self,
        repository: str,
        commit: str,
        file: RepositoryFile,
        observe: Callable[[int], None],
    ) -> Iterator[PartContent]:
        """Open the part of the same content that an earlier run left, or else an empty part.

        Args:
            repository: As `owner/name`.
            commit: The commit that the file is fetched at.
            file: Its size and checksum.
            observe: Called with the number of bytes gained, negative when some are dropped; those
                of an earlier run are not gained.
        """
        record = PartRecord(
            repository, commit, file.path, file.size_bytes, file.sha256, file.blob_id
        )
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a+b", buffering=_BUFFER_BYTES) as content:
            yield PartContent(content, self._record, record, file, observe)

    def keep(self) -> None:
        """Give the verified part its final name."""
        replace(self._path, self._destination)
        self._record.file.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the part and its record."""
        self._path.unlink(missing_ok=True)
        self._record.file.unlink(missing_ok=True)

    def remove_if_empty(self) -> None:
        """Remove a part that holds nothing worth keeping."""
        if self._path.exists() and self._path.stat().st_size == 0:
            self.remove()

    def size_bytes(self, file: RepositoryFile) -> int:
        """Return the number of bytes of `file` that an earlier run left."""
        record = self._record.read()
        if record is None or not record.belongs_to(file) or not self._path.exists():
            return 0
        return min(self._path.stat().st_size, file.size_bytes)


class PartContent:
    """The open content of a part: grows with each chunk and keeps its checksum up to date."""

    def __init__(
        self,
        content: BinaryIO,
        store: JsonStore[PartRecord],
        new_record: PartRecord,
        file: RepositoryFile,
        observe: Callable[[int], None],
    ) -> None:
        self._content = content
        self._store = store
        self._new_record = new_record
        self._file = file
        self._observe = observe
        self._checksum = Checksum(file)
        self._repeated = 0
        self.received = 0
        self.etag = ""
        self._take_over()

    @property
    def is_whole(self) -> bool:
        """True if all bytes are there, correct or not."""
        return self.received == self._file.size_bytes

    def is_intact(self) -> bool:
        """Return whether the checksum is the one that the Hub lists."""
        return self._checksum.matches()

    def append(self, chunk: bytes) -> None:
        """Add the new bytes of a chunk; ignore those beyond the file's size.

        If the server sends too much, the checksum shows it in the end.
        """
        new = chunk[self._common(chunk) :][: self._file.size_bytes - self.received]
        if not new:
            return
        self._content.write(new)
        self._checksum.update(new)
        self._count(len(new))

    def begin(self, etag: str) -> None:
        """Prepare to receive the content, whose ETag in the storage is `etag`, from the first byte.

        Existing bytes stay as long as the new ones are the same.
        """
        self._repeated = self.received
        self.etag = etag
        self._store.write(msgspec.structs.replace(self._new_record, etag=etag))

    def clear(self) -> None:
        """Drop all bytes."""
        self._content.seek(0)
        self._content.truncate()
        self._checksum = Checksum(self._file)
        self._repeated = 0
        self._count(-self.received)

    def sync(self) -> None:
        """Write everything to disk."""
        self._content.flush()
        os.fsync(self._content.fileno())

    def _take_over(self) -> None:
        record = self._store.read()
        if record is None or not record.belongs_to(self._file):
            self.clear()
            return
        self.etag = record.etag
        # Not a gain, and read at the speed of the disk: only the observer's start is to include it.
        self.received = min(os.fstat(self._content.fileno()).st_size, self._file.size_bytes)
        self._cut(self.received)

    def _common(self, chunk: bytes) -> int:
        """Return how many bytes of a chunk are there already; drop existing ones that differ."""
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
        """Keep only the first `size_bytes`."""
        self._content.truncate(size_bytes)
        self._content.seek(0)
        self._checksum = Checksum(self._file)
        self._checksum.update_from(self._content)
        self._count(size_bytes - self.received)

    def _count(self, size_bytes: int) -> None:
        self.received += size_bytes
        self._observe(size_bytes)


def remove_abandoned(folder: Path, repository: str, current: set[str]) -> None:
    """Remove the parts in `folder` of files that are no longer in `repository`."""
    # The user may have chosen any folder: two levels, not everything below it.
    for record_file in (*folder.glob(f"*{_RECORD_SUFFIX}"), *folder.glob(f"*/*{_RECORD_SUFFIX}")):
        record = JsonStore(record_file, PartRecord).read()
        if record and record.repository == repository and record.path not in current:
            name = record_file.name.removesuffix(_RECORD_SUFFIX)
            PartFile(record_file.with_name(name)).remove()
