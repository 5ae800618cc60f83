"""Fetch weight files as a stream: cut them into tensors, and verify each file at its end."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.checkpoint.folder_kind import LARGEST_SCALAR_BYTES, holds_scalars
from app.checkpoint.weight_files import tensor_ranges
from app.conversion.layout.layout import WeightRange
from app.hub.checksum import Checksum
from app.hub.remote_header import fetch_part
from app.hub.repository import RepositoryFile
from app.hub.snapshot import Snapshot
from app.library.stream_journal import FilePosition, Journal
from app.streaming.arrivals import Arrivals
from app.streaming.prefetched_bytes import PrefetchedBytes
from app.streaming.tensor_cutter import FilePiece, TensorCutter


class FileDamagedError(Exception):
    """A weight file arrived with a wrong checksum or header; it is to be fetched again."""

    def __init__(self, file: RepositoryFile) -> None:
        super().__init__(file.path)
        self.file = file


class StreamClosedError(Exception):
    """The conversion has ended, so that nothing more needs to arrive."""


class WeightFetcher:
    """Fetches the weight files of an outline, one after the other, into `Arrivals`.

    Attributes:
        passed: By the name of a weight file, the end of each stored tensor that has passed, with
            the state of the checksum there; the conversion picks its checkpoints from them.
        verified: The names of files that have passed whole, with the right checksum.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        files: Mapping[Path, RepositoryFile],
        arrivals: Arrivals,
        prefetched: PrefetchedBytes,
        count: Callable[[str, int], None],
    ) -> None:
        """Fetch `files`, by their path in the outline; `count` is told of bytes of each name."""
        self._snapshot = snapshot
        self._files = files
        self._prefetched = prefetched
        self._arrivals = arrivals
        self._count = count
        self._sizes = {path.name: file.size_bytes for path, file in files.items()}
        self.passed: dict[str, list[tuple[WeightRange, bytes]]] = {}
        self.verified: set[str] = set()

    def size_of(self, name: str) -> int:
        """Return the size of a weight file in bytes."""
        return self._sizes[name]

    def run(self, positions: Mapping[str, FilePosition], digests: Mapping[str, str]) -> None:
        """Fetch everything that is wanted; errors go to `Arrivals.fail`."""
        try:
            for path in sorted(self._files):
                self._fetch(path, positions.get(path.name, FilePosition()), digests)
        except StreamClosedError:
            return
        except BaseException as error:  # noqa: BLE001 - the other thread raises it
            self._arrivals.fail(error)

    def release(self, positions: Mapping[str, FilePosition]) -> None:
        """Remove what was kept of the weight files for a later run, where that is safe now."""
        for path, file in self._files.items():
            if position := positions.get(path.name):
                self._prefetched.release(file, position.offset)

    def _fetch(self, path: Path, position: FilePosition, digests: Mapping[str, str]) -> None:
        file = self._files[path]
        ranges = [WeightRange(path, begin, end - begin) for begin, end in tensor_ranges(path)]
        passed = [one for one in ranges if one.offset + one.size_bytes <= position.offset]
        if not self._fetch_again(file, passed, digests):
            # Without ranges, what is missing comes only with the whole file.
            position = FilePosition()
        self._count(file.path, position.offset)
        if position.is_verified:
            self.verified.add(path.name)
        elif any(map(self._arrivals.wants, ranges)):
            self._stream(file, path, ranges, position)

    def _fetch_again(
        self, file: RepositoryFile, passed: list[WeightRange], digests: Mapping[str, str]
    ) -> bool:
        """Fetch tensors that had passed, but were lost; return False if that can't be done."""
        for weights in filter(self._arrivals.wants, passed):
            digest = digests.get(digest_key(weights))
            end = weights.offset + weights.size_bytes
            part = fetch_part(self._snapshot, file, weights.offset, end) if digest else None
            if part is None or digest_of(part) != digest:
                return False
            self._put(weights, np.frombuffer(bytearray(part), np.uint8))
        return True

    def _stream(
        self, file: RepositoryFile, path: Path, ranges: list[WeightRange], position: FilePosition
    ) -> None:
        checksum = Checksum(file, position.checksum_state)
        passed = self.passed.setdefault(path.name, [])
        coming = [one for one in ranges if one.offset >= position.offset]
        cutter = TensorCutter(coming, position.offset, self._keeps)
        outline = _Outline(path)
        for chunk in self._prefetched.stream(self._snapshot, file, position.offset):
            for piece in cutter.cut(chunk):
                checksum.update(piece.content)
                if not outline.has_same(piece):
                    raise FileDamagedError(file)
                if piece.completed is not None:
                    passed.append((piece.completed, checksum.state()))
                    self._put(piece.completed, piece.weights)
            self._count(file.path, len(chunk))
        if not checksum.matches():
            raise FileDamagedError(file)
        self.verified.add(path.name)

    def _keeps(self, weights: WeightRange) -> bool:
        return _is_scalar(weights) or self._arrivals.wants(weights)

    def _put(self, weights: WeightRange, content: npt.NDArray[np.uint8] | None) -> None:
        if content is not None and not self._arrivals.put(weights, content):
            raise StreamClosedError


class _Outline:
    """The outline of a weight file, from which the layout was made: its header, and scalars."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._has_scalars = holds_scalars(path.parent)

    def has_same(self, piece: FilePiece) -> bool:
        """Return whether what the outline has of a file is what arrives now."""
        if not piece.is_of_tensor:
            offset, content = piece.offset, bytes(piece.content)
        elif self._has_scalars and piece.completed and _is_scalar(piece.completed):
            offset, content = piece.completed.offset, _bytes_of(piece.weights)
        else:
            return True
        with self._path.open("rb") as outline:
            outline.seek(offset)
            return outline.read(len(content)) == content


def _is_scalar(weights: WeightRange) -> bool:
    return weights.size_bytes <= LARGEST_SCALAR_BYTES


def _bytes_of(weights: npt.NDArray[np.uint8] | None) -> bytes:
    return b"" if weights is None else weights.tobytes()


def digest_key(weights: WeightRange) -> str:
    """Return the key of a stored tensor in `JournalEntry.digests`."""
    return f"{weights.file.name}:{weights.offset}"


def digest_of(content: bytes | memoryview) -> str:
    """Return the SHA-256 of a stored tensor's bytes."""
    return hashlib.sha256(content).hexdigest()


class Fetching:
    """The thread in which a `WeightFetcher` goes on from a journal."""

    def __init__(self, fetcher: WeightFetcher, journal: Journal) -> None:
        self.fetcher = fetcher
        self._thread = threading.Thread(
            target=lambda: fetcher.run(journal.positions, journal.digests), daemon=True
        )

    @property
    def is_done(self) -> bool:
        """True once it has ended, well or not."""
        return self._thread.ident is not None and not self._thread.is_alive()

    def start(self) -> None:
        """Start, unless it has been started."""
        if self._thread.ident is None:
            self._thread.start()

    def wait(self) -> None:
        """Wait until it has ended."""
        if self._thread.ident is not None:
            self._thread.join()
