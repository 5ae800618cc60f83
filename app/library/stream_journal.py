"""Journals of conversions of repositories that are still downloading (`get`).

A journal records what is safely written, so that a later run goes on there. A line is appended
only after the contents that it covers are on the disk.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from app.core import paths
from app.core.files import PART_SUFFIX, write_atomically
from app.library.folder_lock import is_locked, remove_untouched
from app.library.unfinished_downloads import DownloadRequest

_NAME = "journal"
_PREFETCHED = "prefetched"
_PART_SUFFIX = f".get{PART_SUFFIX}"
TensorKey = tuple[int, str]
"""The number of a model among those made from one stream, and the name of its tensor."""


class FilePosition(msgspec.Struct, frozen=True):
    """Progress in a weight file: its first `offset` bytes, with the state of their checksum.

    An empty `checksum_state` means that the checksum can't be continued. `is_verified`: the whole
    file has passed, with the right checksum.
    """

    offset: int = 0
    checksum_state: bytes = b""
    is_verified: bool = False


class StreamedFile(msgspec.Struct, frozen=True):
    """A file that is being made, as planned: its size, and the SHA-256 of its header."""

    path: str
    size_bytes: int
    header_sha256: str

    @property
    def part(self) -> Path:
        """The path at which the file grows until it is whole."""
        return part_of(Path(self.path))


class StreamRecord(msgspec.Struct, frozen=True, tag="stream", kw_only=True):
    """Identity of a streamed conversion: what is converted into which files.

    `asked_levels` are those that the user named, none for the recommended one. `recipe_sha256`
    stands for all else that the bytes of the weights depend on.
    """

    repository: str
    commit: str
    revision: str | None
    levels: tuple[str, ...]
    asked_levels: tuple[str, ...] = ()
    is_projector: bool
    files: tuple[StreamedFile, ...]
    recipe_sha256: str = ""
    total_bytes: int

    def asked_by(self, request: DownloadRequest) -> bool:
        """Return whether this was begun for the same request of a model."""
        own = DownloadRequest(self.repository, kind="get", levels=self.asked_levels)
        return own.key == request.key


class JournalEntry(msgspec.Struct, frozen=True, tag="entry"):
    """Progress that has become safe since the previous entry.

    `digests` has the SHA-256 of stored tensors that have passed but are still needed, by weight
    file and offset. `is_complete`: the files are whole and get their names.
    """

    positions: dict[str, FilePosition] = {}
    finished: tuple[TensorKey, ...] = ()
    digests: dict[str, str] = {}
    is_complete: bool = False


class UnfinishedStream(NamedTuple):
    """A conversion that has begun: the folder of its journal, and the bytes that are done."""

    folder: Path
    record: StreamRecord
    done_bytes: int


_decoder: msgspec.json.Decoder[StreamRecord | JournalEntry] = msgspec.json.Decoder(
    StreamRecord | JournalEntry
)


class Journal:
    """The journal in `folder`, its `file`, and the state that its lines add up to."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / _NAME
        self.record: StreamRecord | None = None
        self.positions: dict[str, FilePosition] = {}
        self.finished: set[TensorKey] = set()
        self.digests: dict[str, str] = {}
        self.is_complete = False
        for line in self._lines():
            self._take(line)

    @property
    def done_bytes(self) -> int:
        """The number of bytes of weight files that need not be fetched again."""
        return sum(position.offset for position in self.positions.values())

    def begin(self, record: StreamRecord) -> None:
        """Begin anew."""
        self.record = record
        self.positions, self.finished, self.digests = {}, set(), {}
        self.is_complete = False
        self._rewrite()

    def go_on(self, record: StreamRecord) -> None:
        """Go on with what is safe, for a request that only asked otherwise."""
        if record != self.record:
            self.record = record
            self._rewrite()

    def add(self, checkpoint: JournalEntry) -> None:
        """Append a checkpoint durably."""
        self._take(checkpoint)
        with self.file.open("ab") as file:
            file.write(msgspec.json.encode(checkpoint) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def forget(self, file: str, tensors: Iterable[TensorKey]) -> None:
        """Take back what came from a weight file whose checksum was wrong."""
        self.positions.pop(file, None)
        self.finished -= set(tensors)
        self.digests = {
            key: digest for key, digest in self.digests.items() if not key.startswith(f"{file}:")
        }
        self._rewrite()

    def remove(self) -> None:
        """Remove it: there is nothing to go on with."""
        self.file.unlink(missing_ok=True)

    def _rewrite(self) -> None:
        state = JournalEntry(self.positions, tuple(self.finished), self.digests)
        lines = (self.record, state) if self.record else ()
        write_atomically(self.file, b"".join(msgspec.json.encode(line) + b"\n" for line in lines))

    def _lines(self) -> Iterable[StreamRecord | JournalEntry]:
        try:
            content = self.file.read_bytes()
        except OSError:
            return
        for line in content.splitlines():
            try:
                yield _decoder.decode(line)
            except msgspec.DecodeError:
                # The last line, cut off by a power failure: what follows it is not there.
                return

    def _take(self, line: StreamRecord | JournalEntry) -> None:
        match line:
            case StreamRecord():
                self.record = line
            case JournalEntry(positions, finished, digests, is_complete):
                self.positions |= positions
                self.finished |= set(finished)
                self.digests |= digests
                self.is_complete |= is_complete


def part_of(path: Path) -> Path:
    """Return the path at which a file grows until it is whole."""
    return path.with_name(path.name + _PART_SUFFIX)


def prefetched_folder(folder: Path) -> Path:
    """Return where a stream keeps what has arrived before it is planned."""
    return folder / _PREFETCHED


def remove_untouched_streams() -> None:
    """Remove the folders of conversions that ended before they began."""
    for folder in paths.streams_folder().glob("*"):
        if not is_locked(folder) and not (folder / _NAME).exists():
            shutil.rmtree(prefetched_folder(folder), ignore_errors=True)
            remove_untouched(folder)


def unfinished_streams() -> Iterator[UnfinishedStream]:
    """Yield the conversions that have begun but not finished."""
    for folder in sorted(path for path in paths.streams_folder().glob("*") if path.is_dir()):
        journal = Journal(folder)
        if journal.record is not None:
            yield UnfinishedStream(folder, journal.record, journal.done_bytes)
