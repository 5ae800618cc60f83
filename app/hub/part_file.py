"""A partly downloaded file, `NAME.part`, and the records by which a later run resumes it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import msgspec

from app.core.files import PART_SUFFIX, replace
from app.core.json_store import JsonStore
from app.hub.part_content import PartContent
from app.hub.part_record import PartRecord
from app.hub.repository import RepositoryFile
from app.hub.segments import Segments

_RECORD_SUFFIX = f"{PART_SUFFIX}.json"
_SEGMENTS_SUFFIX = f"{PART_SUFFIX}.segments"


class PartFile:
    """The part of the file `destination` on disk, with its records next to it."""

    def __init__(self, destination: Path) -> None:
        self._destination = destination
        self._path = destination.with_name(destination.name + PART_SUFFIX)
        self._counts = destination.with_name(destination.name + _SEGMENTS_SUFFIX)
        record_file = destination.with_name(destination.name + _RECORD_SUFFIX)
        self._store = JsonStore(record_file, PartRecord)

    @contextmanager
    def open(self, new: PartRecord, observe: Callable[[int], None]) -> Iterator[PartContent]:
        """Open the part of the same content that an earlier run left, or else an empty part.

        Args:
            new: The record of a new part; an old one keeps its ETag and its segments.
            observe: Called with the number of bytes gained, negative when some are dropped; those
                of an earlier run are not gained.
        """
        old = self._record_of(new.file)
        if old is None:
            self.remove()
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch()
        else:
            new = msgspec.structs.replace(new, etag=old.etag, segment_bytes=old.segment_bytes)
        segments = self._segments(new)
        kept = segments.kept_in(self._counts) if len(segments) > 1 else nullcontext()
        # A buffer would read ahead what another stream has yet to write.
        with kept, self._path.open("r+b", buffering=0) as reader:
            # What is too long was changed by somebody else.
            reader.truncate(min(os.fstat(reader.fileno()).st_size, new.size_bytes))
            yield PartContent(self._path, reader, self._store, new, segments, observe)

    def keep(self) -> None:
        """Give the verified part its final name."""
        replace(self._path, self._destination)
        self._remove_records()

    def remove(self) -> None:
        """Remove the part and its records."""
        self._path.unlink(missing_ok=True)
        self._remove_records()

    def remove_if_empty(self) -> None:
        """Remove a part that holds nothing worth keeping."""
        if self._path.exists() and self._path.stat().st_size == 0:
            self.remove()

    def size_bytes(self, file: RepositoryFile) -> int:
        """Return the number of bytes of `file` that an earlier run left."""
        record = self._record_of(file)
        return self._segments(record).received if record else 0

    def _record_of(self, file: RepositoryFile) -> PartRecord | None:
        record = self._store.read()
        is_of_it = record is not None and record.file == file and self._path.exists()
        return record if is_of_it else None

    def _segments(self, record: PartRecord) -> Segments:
        segments = Segments(record.size_bytes, record.segment_bytes)
        if len(segments) > 1:
            segments.read(self._counts)
        elif self._path.exists():
            segments.keep_first(self._path.stat().st_size)
        return segments

    def _remove_records(self) -> None:
        self._store.file.unlink(missing_ok=True)
        self._counts.unlink(missing_ok=True)


def remove_abandoned(folder: Path, repository: str, current: set[str]) -> None:
    """Remove the parts in `folder` of files that are no longer in `repository`."""
    # The user may have chosen any folder: two levels, not everything below it.
    for record_file in (*folder.glob(f"*{_RECORD_SUFFIX}"), *folder.glob(f"*/*{_RECORD_SUFFIX}")):
        record = JsonStore(record_file, PartRecord).read()
        if record and record.repository == repository and record.path not in current:
            name = record_file.name.removesuffix(_RECORD_SUFFIX)
            PartFile(record_file.with_name(name)).remove()
