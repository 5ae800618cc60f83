"""Journal of a streamed conversion: what is safely written, so that a later run goes on there.

A line is only appended after the files that it speaks of are on the disk.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from app.conversion.layout.layout import WeightRange
from app.core.files import write_atomically
from app.streaming.stream_plan import TensorKey

_NAME = "journal"


class FilePosition(msgspec.Struct, frozen=True):
    """How far a weight file is done: its first `offset` bytes, with the state of their checksum.

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


class StreamRecord(msgspec.Struct, frozen=True, tag="stream", kw_only=True):
    """Identity of a streamed conversion: what is converted into which files."""

    repository: str
    commit: str
    revision: str | None
    levels: tuple[str, ...]
    is_projector: bool
    files: tuple[StreamedFile, ...]
    total_bytes: int


class Checkpoint(msgspec.Struct, frozen=True, tag="checkpoint"):
    """What has become safe since the one before.

    `digests` has the SHA-256 of stored tensors that have passed but are still needed, by weight
    file and offset.
    """

    positions: dict[str, FilePosition] = {}
    finished: tuple[TensorKey, ...] = ()
    digests: dict[str, str] = {}


_decoder: msgspec.json.Decoder[StreamRecord | Checkpoint] = msgspec.json.Decoder(
    StreamRecord | Checkpoint
)


class Journal:
    """The journal in `folder`, and the state that its lines add up to."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / _NAME
        self.record: StreamRecord | None = None
        self.positions: dict[str, FilePosition] = {}
        self.finished: set[TensorKey] = set()
        self.digests: dict[str, str] = {}
        for line in self._lines():
            self._take(line)

    def begin(self, record: StreamRecord) -> None:
        """Begin anew."""
        self.record = record
        self.positions, self.finished, self.digests = {}, set(), {}
        self._rewrite()

    def add(self, checkpoint: Checkpoint) -> None:
        """Append a checkpoint durably."""
        self._take(checkpoint)
        with self._file.open("ab") as file:
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

    def _rewrite(self) -> None:
        state = Checkpoint(self.positions, tuple(self.finished), self.digests)
        lines = (self.record, state) if self.record else ()
        write_atomically(self._file, b"".join(msgspec.json.encode(line) + b"\n" for line in lines))

    def _lines(self) -> Iterable[StreamRecord | Checkpoint]:
        try:
            content = self._file.read_bytes()
        except OSError:
            return
        for line in content.splitlines():
            try:
                yield _decoder.decode(line)
            except msgspec.DecodeError:
                # The last line, cut off by a power failure: what follows it is not there.
                return

    def _take(self, line: StreamRecord | Checkpoint) -> None:
        match line:
            case StreamRecord():
                self.record = line
            case Checkpoint(positions, finished, digests):
                self.positions |= positions
                self.finished |= set(finished)
                self.digests |= digests


def digest_key(weights: WeightRange) -> str:
    """Return the key of a stored tensor in `Checkpoint.digests`."""
    return f"{weights.file.name}:{weights.offset}"


def digest_of(content: bytes | memoryview) -> str:
    """Return the SHA-256 of a stored tensor's bytes."""
    return hashlib.sha256(content).hexdigest()


def done_bytes(positions: Mapping[str, FilePosition]) -> int:
    """Return the number of bytes of weight files that need not be fetched again."""
    return sum(position.offset for position in positions.values())
