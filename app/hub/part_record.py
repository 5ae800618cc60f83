"""The record next to a partly downloaded file."""

from __future__ import annotations

import msgspec

from app.hub.repository import RepositoryFile


class PartRecord(msgspec.Struct, frozen=True):
    """Identity of the file that a part belongs to; `etag` is the storage's name for it, if any.

    If it arrives in segments, `segment_bytes` is their size, and their counts are in another file.
    Otherwise it is 0, and the size of the part is what has arrived.
    """

    repository: str
    commit: str
    path: str
    size_bytes: int
    sha256: str | None
    blob_id: str | None
    etag: str = ""
    segment_bytes: int = 0

    @property
    def file(self) -> RepositoryFile:
        """The file, whose content may be the same at other commits."""
        return RepositoryFile(self.path, self.size_bytes, self.sha256, self.blob_id)
