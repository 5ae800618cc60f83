"""The checksums by which the Hub names contents: sha256 for large files, git's own for small."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import BinaryIO

from app.hub.repository import RepositoryFile

_CHUNK_BYTES = 2**20


class Checksum:
    """The running checksum of a file as it arrives."""

    def __init__(self, file: RepositoryFile) -> None:
        self._expected = file.sha256 or file.blob_id
        if file.sha256:
            self._hash = hashlib.sha256()
        else:
            self._hash = hashlib.sha1(b"blob %d\0" % file.size_bytes, usedforsecurity=False)

    def update(self, chunk: bytes) -> None:
        """Take in the next bytes."""
        self._hash.update(chunk)

    def matches(self) -> bool:
        """Whether what was taken in is the whole file, unaltered."""
        return self._hash.hexdigest() == self._expected

    def take_in(self, content: BinaryIO, observe: Callable[[int], None]) -> None:
        """Take in all that is left of `content`; `observe` hears of each step's bytes."""
        while chunk := content.read(_CHUNK_BYTES):
            self.update(chunk)
            observe(len(chunk))
