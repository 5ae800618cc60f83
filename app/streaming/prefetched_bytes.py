"""Weights that arrive before a conversion is planned, on the disk until they are safely converted.

A run that is killed meanwhile has saved them for the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from app.core.files import size_of
from app.hub.byte_stream import stream_file
from app.hub.repository import RepositoryFile
from app.hub.snapshot import Snapshot
from app.library.stream_journal import prefetched_folder

PREFETCHED_BYTES = 48 * 2**20
"""The most that arrives, and is kept, while a conversion is planned."""
_CHUNK_BYTES = 2**20


class PrefetchedBytes:
    """The first bytes of weight files, in the folder of a stream; by the files' checksums.

    What can't be written isn't kept: it can be fetched again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = prefetched_folder(folder)
        self._is_open = True

    def stream(self, snapshot: Snapshot, file: RepositoryFile, start: int) -> Iterator[bytes]:
        """Yield the bytes of `file` from `start` to its end: those at hand, then those that come.

        Raises:
            AppError: what `stream_file` raises.
        """
        for chunk in self._kept(file, start):
            yield chunk
            start += len(chunk)
        for chunk in stream_file(snapshot, file, start):
            self._keep(file, start, chunk)
            yield chunk
            start += len(chunk)

    def close(self) -> None:
        """Keep nothing that arrives from now on."""
        self._is_open = False

    def release(self, file: RepositoryFile, safe_bytes: int) -> None:
        """Remove what is kept of a file if no more than its first `safe_bytes` are."""
        if size_of(self._path_of(file)) <= safe_bytes:
            self.remove(file)

    def remove(self, file: RepositoryFile) -> None:
        """Remove what is kept of a file, which may be damaged."""
        with suppress(OSError):
            self._path_of(file).unlink(missing_ok=True)

    def _path_of(self, file: RepositoryFile) -> Path:
        return self._folder / str(file.sha256 or file.blob_id)

    def _kept(self, file: RepositoryFile, start: int) -> Iterator[bytes]:
        with suppress(OSError), self._path_of(file).open("rb") as kept:
            kept.seek(start)
            while chunk := kept.read(_CHUNK_BYTES):
                yield chunk

    def _keep(self, file: RepositoryFile, start: int, chunk: bytes) -> None:
        path = self._path_of(file)
        if not self._is_open or size_of(path) != start:
            return
        with suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            room = PREFETCHED_BYTES - sum(map(size_of, self._folder.iterdir()))
            with path.open("ab") as kept:
                kept.write(chunk[: max(0, room)])
