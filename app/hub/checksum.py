"""Checksums that the Hub lists for files: SHA-256 for large ones, git's for small ones."""

from __future__ import annotations

import hashlib
from typing import BinaryIO

from app.hub.repository import RepositoryFile

_CHUNK_BYTES = 2**20


class Checksum:
    """Running checksum of a file as it arrives."""

    def __init__(self, file: RepositoryFile) -> None:
        self._expected = file.sha256 or file.blob_id
        if file.sha256:
            self._hash = hashlib.sha256()
        else:
            self._hash = hashlib.sha1(b"blob %d\0" % file.size_bytes, usedforsecurity=False)

    def update(self, chunk: bytes) -> None:
        """Add the next bytes."""
        self._hash.update(chunk)

    def matches(self) -> bool:
        """Return whether the bytes so far are the whole, unaltered file."""
        return self._hash.hexdigest() == self._expected

    def update_from(self, content: BinaryIO) -> None:
        """Add the rest of `content`."""
        while chunk := content.read(_CHUNK_BYTES):
            self.update(chunk)
