"""Records of the repositories that converted files were made from, which no header tells."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from app.core import paths
from app.core.json_store import JsonStore


class _Converted(msgspec.Struct, frozen=True):
    repository: str
    commit: str
    size_bytes: int
    modified_ns: int


class ConversionRecords:
    """The repository of each converted file, known until the file changes."""

    def __init__(self) -> None:
        self._store = JsonStore(paths.conversions_file(), dict[str, _Converted], indented=True)
        self._files = self._store.salvage() or {}

    def repository_of(self, path: Path) -> str:
        """Return the repository that a file was made from, empty if it is unknown."""
        found = self._files.get(_key(path))
        if found is None:
            return ""
        try:
            status = path.stat()
        except OSError:
            return ""
        is_same = (found.size_bytes, found.modified_ns) == (status.st_size, status.st_mtime_ns)
        return found.repository if is_same else ""

    def add(self, files: Iterable[Path], repository: str, commit: str) -> None:
        """Record that files have just been made.

        Raises:
            AppError: `folder_not_writable`, `disk_full`.
        """
        for file in files:
            status = file.stat()
            self._files[_key(file)] = _Converted(
                repository, commit, status.st_size, status.st_mtime_ns
            )
        self._store.write_unless_busy(self._files)


def _key(path: Path) -> str:
    return str(path.absolute())
