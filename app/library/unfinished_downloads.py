"""Notes about downloads that have begun but not finished, each in the folder that it fills.

The bytes are those of the files and parts in the folder; the note has what they don't tell: which
files the download consists of, how it was requested, and what it failed with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from app.core.errors import AppError, ErrorCode, ErrorDetails
from app.core.files import PART_SUFFIX, size_of
from app.core.json_store import JsonStore
from app.core.names import path_inside
from app.library.folder_lock import OWN_PREFIX

_PREFIX, _SUFFIX = f"{OWN_PREFIX}-", ".download.json"


DownloadKind = Literal["download", "get"]
"""The verb that fetches: files as they are, or a model converted while it is downloaded."""
DownloadKey = tuple[str, ...]


class DownloadRequest(msgspec.Struct, frozen=True):
    """A repository as `owner/name`, and the options that choose among its files.

    `pattern` and `allows_pickle` are options of a download, `levels` those of `get`.
    """

    repository: str
    revision: str | None = None
    pattern: str | None = None
    allows_pickle: bool = False
    kind: DownloadKind = "download"
    levels: tuple[str, ...] = ()

    @property
    def key(self) -> DownloadKey:
        """Identifies the download; a later request with this key continues it."""
        return (self.kind, self.repository.casefold(), self.pattern or "", *self.levels)

    @property
    def name(self) -> str:
        """The repository, with the chosen file or with what is made of it."""
        if self.kind == "get":
            return f"{self.repository} → {', '.join(self.levels) or 'GGUF'}"
        return f"{self.repository} · {self.pattern}" if self.pattern else self.repository


class DownloadNote(msgspec.Struct, frozen=True):
    """The paths of the files to fetch with their sizes, and the error that ended the last try."""

    request: DownloadRequest
    files: dict[str, int]
    problem: ErrorCode | None = None
    details: ErrorDetails = {}


@dataclass(frozen=True)
class UnfinishedDownload:
    """A download to resume or discard."""

    folder: Path
    note: DownloadNote

    @property
    def note_file(self) -> Path:
        """The file of the note."""
        return _store(self.folder, self.note.request).file

    @property
    def total_bytes(self) -> int:
        """The size of all files."""
        return sum(self.note.files.values())

    def done_bytes(self) -> int:
        """Return the size of what has been fetched."""
        return sum(
            min(size_of(part) or size_of(whole), self.note.files[path])
            for path, whole, part in self._places()
        )

    def fetched_files(self) -> tuple[Path, ...]:
        """Return the files and parts that are there, the note last."""
        places = (place for _, *both in self._places() for place in both)
        records = (
            part.with_name(part.name + suffix)
            for _, _, part in self._places()
            for suffix in (".json", ".segments")
        )
        return tuple(file for file in (*places, *records, self.note_file) if file.is_file())

    def _places(self) -> Iterator[tuple[str, Path, Path]]:
        for path in self.note.files:
            with suppress(AppError):
                whole = path_inside(self.folder, path)
                yield path, whole, whole.with_name(whole.name + PART_SUFFIX)


@contextmanager
def noted(
    folder: Path, request: DownloadRequest, missing: dict[str, int], current: set[str]
) -> Iterator[None]:
    """Keep a note in `folder` until the block, which fetches the missing files, has finished.

    The note adds the error of a block that fails, and is removed if nothing was fetched. It
    includes the files that earlier tries fetched, as far as they are still in the repository, whose
    `current` paths are given.
    """
    store = _store(folder, request)
    earlier = store.read()
    fetched = earlier.files if earlier else {}
    kept = {path: size for path, size in fetched.items() if path in current}
    note = DownloadNote(request, kept | missing)
    store.write(note)
    try:
        yield
    except AppError as error:
        if UnfinishedDownload(folder, note).done_bytes():
            with suppress(AppError):
                # On a full disk, the note without the error stays.
                store.write(
                    msgspec.structs.replace(note, problem=error.code, details=error.details)
                )
        else:
            store.file.unlink(missing_ok=True)
        raise
    store.file.unlink(missing_ok=True)


def unfinished_in(folder: Path) -> tuple[UnfinishedDownload, ...]:
    """Return the unfinished downloads of a folder."""
    files = sorted(folder.glob(f"{_PREFIX}*{_SUFFIX}"))
    notes = (JsonStore(file, DownloadNote).read() for file in files)
    return tuple(UnfinishedDownload(folder, note) for note in notes if note is not None)


def unfinished_below(roots: Iterable[Path]) -> tuple[UnfinishedDownload, ...]:
    """Return the unfinished downloads in the folders `owner/name` below all `roots`, by name."""
    folders = {file.parent for root in roots for file in root.glob(f"*/*/{_PREFIX}*{_SUFFIX}")}
    return tuple(found for folder in sorted(folders) for found in unfinished_in(folder))


def _store(folder: Path, request: DownloadRequest) -> JsonStore[DownloadNote]:
    # The same request in another run has the same note.
    files = request.pattern or ",".join(request.levels)
    key = hashlib.sha256(files.encode()).hexdigest()[:12]
    return JsonStore(folder / f"{_PREFIX}{key}{_SUFFIX}", DownloadNote)
