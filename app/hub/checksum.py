"""Checksums that the Hub lists for files: SHA-256 for large ones, git's for small ones."""

from __future__ import annotations

import hashlib
from typing import BinaryIO

from app.hub.repository import RepositoryFile
from app.hub.resumable_sha256 import ResumableSha256

_CHUNK_BYTES = 2**20


class Checksum:
    """Running checksum of a file as it arrives; `state` is that of an earlier one."""

    def __init__(self, file: RepositoryFile, state: bytes = b"") -> None:
        self._expected = file.sha256 or file.blob_id
        self._sha256 = ResumableSha256(state) if file.sha256 else None
        self._hash = self._sha256 or hashlib.sha1(
            b"blob %d\0" % file.size_bytes, usedforsecurity=False
        )

    def state(self) -> bytes:
        """Return the state so far, with which another one can go on; empty if it can't."""
        return self._sha256.state() if self._sha256 else b""

    def update(self, chunk: bytes | memoryview) -> None:
        """Add the next bytes."""
        self._hash.update(chunk)

    def matches(self) -> bool:
        """Return whether the bytes so far are the whole, unaltered file."""
        return self._hash.hexdigest() == self._expected

    def update_from(self, content: BinaryIO) -> None:
        """Add the rest of `content`."""
        while chunk := content.read(_CHUNK_BYTES):
            self.update(chunk)
