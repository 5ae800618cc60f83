"""Record of the files that were downloaded into a folder: where they are from, their checksums."""

from __future__ import annotations

from pathlib import Path

import msgspec

from app.core.json_store import JsonStore
from app.library.folder_lock import OWN_PREFIX

_NAME = f"{OWN_PREFIX}.json"
_MOST_PARENTS = 3


class VerifiedFile(msgspec.Struct, frozen=True):
    """A file as it was verified: `checksum` is its SHA-256, or git's SHA-1 of a small file."""

    repository: str
    commit: str
    size_bytes: int
    checksum: str
    modified_ns: int

    def is_unchanged(self, path: Path) -> bool:
        """Return whether the file still has the size and the time of its verification."""
        status = path.stat()
        return (self.size_bytes, self.modified_ns) == (status.st_size, status.st_mtime_ns)


class DownloadRecord(msgspec.Struct, frozen=True):
    """The files of a folder by their paths in the repository."""

    version: int = 1
    files: dict[str, VerifiedFile] = {}


def record_store(folder: Path) -> JsonStore[DownloadRecord]:
    """Return where the record of a folder is kept."""
    return JsonStore(folder / _NAME, DownloadRecord, indented=True)


class DownloadRecords:
    """The records of many folders, each read once."""

    def __init__(self) -> None:
        self._read: dict[Path, DownloadRecord | None] = {}

    def of(self, path: Path) -> VerifiedFile | None:
        """Return the record of a file in its folder or in one above, if there is one."""
        for folder in path.parents[:_MOST_PARENTS]:
            if folder not in self._read:
                self._read[folder] = record_store(folder).read()
            record = self._read[folder]
            if record is not None:
                return record.files.get(path.relative_to(folder).as_posix())
        return None

    def repository_of(self, path: Path) -> str:
        """Return the repository that a file was downloaded from, empty if it is unknown."""
        found = self.of(path)
        return found.repository if found else ""
