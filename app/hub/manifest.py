"""Record of verified files in a repository's folder, so that nothing is fetched twice."""

from __future__ import annotations

from pathlib import Path

from app.core.errors import AppError, ErrorCode
from app.core.names import path_inside
from app.hub.checksum import Checksum
from app.hub.repository import RepositoryFile
from app.library.download_record import DownloadRecord, VerifiedFile, record_store


class Manifest:
    """Files that were downloaded into `folder` and verified."""

    def __init__(self, folder: Path, repository: str, commit: str) -> None:
        self._folder = folder
        self._repository = repository
        self._commit = commit
        self._store = record_store(folder)
        self._files = (self._store.read() or DownloadRecord()).files

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
        if verified is not None and _belongs(verified, file, path):
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

    def _entry(self, file: RepositoryFile, path: Path) -> VerifiedFile:
        status = path.stat()
        return VerifiedFile(
            self._repository,
            self._commit,
            status.st_size,
            file.sha256 or file.blob_id or "",
            status.st_mtime_ns,
        )

    def _save(self) -> None:
        self._store.write(DownloadRecord(files=self._files))


def _belongs(verified: VerifiedFile, file: RepositoryFile, path: Path) -> bool:
    checksum = file.sha256 or file.blob_id
    is_listed = (verified.size_bytes, verified.checksum) == (file.size_bytes, checksum)
    return is_listed and verified.is_unchanged(path)


def _is_same(path: Path, file: RepositoryFile) -> bool:
    if not path.is_file() or path.stat().st_size != file.size_bytes:
        return False
    checksum = Checksum(file)
    with path.open("rb") as content:
        checksum.update_from(content)
    return checksum.matches()
