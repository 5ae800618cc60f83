"""Record of verified files in a repository's folder, so that nothing is fetched twice."""

from __future__ import annotations

from pathlib import Path

import msgspec

from app.core.errors import AppError, ErrorCode
from app.core.json_store import JsonStore
from app.core.names import path_inside
from app.hub.checksum import Checksum
from app.hub.repository import RepositoryFile
from app.library.folder_lock import OWN_PREFIX

_NAME = f"{OWN_PREFIX}.json"


class _Verified(msgspec.Struct, frozen=True):
    repository: str
    commit: str
    size_bytes: int
    checksum: str
    modified_ns: int

    def belongs_to(self, file: RepositoryFile, path: Path) -> bool:
        status = path.stat()
        return (self.size_bytes, self.checksum, self.modified_ns) == (
            file.size_bytes,
            file.sha256 or file.blob_id,
            status.st_mtime_ns,
        ) and status.st_size == file.size_bytes


class _Record(msgspec.Struct, frozen=True):
    version: int = 1
    files: dict[str, _Verified] = {}


class Manifest:
    """Files that were downloaded into `folder` and verified."""

    def __init__(self, folder: Path, repository: str, commit: str) -> None:
        self._folder = folder
        self._repository = repository
        self._commit = commit
        self._store = JsonStore(folder / _NAME, _Record, indented=True)
        self._files = (self._store.read() or _Record()).files

    def holds(self, file: RepositoryFile) -> bool:
        """Return whether `file` is in the folder, judging by its record or else by its checksum.

        Raises:
            AppError: `file_exists` for a different file with that name that this program didn't
                download, `unsafe_name`.
        """
        path = path_inside(self._folder, file.path)
        if not path.exists():
            return False
        verified = self._files.get(file.path)
        if verified is not None and verified.belongs_to(file, path):
            return True
        if _is_same(path, file):
            self.add(file)
            return True
        if verified is None:
            raise AppError(ErrorCode.FILE_EXISTS, file=str(path))
        return False

    def add(self, file: RepositoryFile) -> None:
        """Record that `file` has just been verified."""
        path = path_inside(self._folder, file.path)
        self._files[file.path] = self._entry(file, path)
        self._save()

    def remove_outdated(self, current: set[str]) -> None:
        """Remove files of earlier commits that are no longer in the repository."""
        outdated = [
            path
            for path, verified in self._files.items()
            if verified.repository == self._repository and path not in current
        ]
        for path in outdated:
            path_inside(self._folder, path).unlink(missing_ok=True)
            del self._files[path]
        if outdated:
            self._save()

    def _entry(self, file: RepositoryFile, path: Path) -> _Verified:
        status = path.stat()
        return _Verified(
            self._repository,
            self._commit,
            status.st_size,
            file.sha256 or file.blob_id or "",
            status.st_mtime_ns,
        )

    def _save(self) -> None:
        self._store.write(_Record(files=self._files))


def _is_same(path: Path, file: RepositoryFile) -> bool:
    if not path.is_file() or path.stat().st_size != file.size_bytes:
        return False
    checksum = Checksum(file)
    with path.open("rb") as content:
        checksum.update_from(content)
    return checksum.matches()
