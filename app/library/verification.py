"""Verify the files of a model by their SHA-256, and remember the results until files change."""

from __future__ import annotations

import datetime
import hashlib
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from app.core import paths
from app.core.errors import AppError, ErrorCode, unreadable_file
from app.core.events import Progressed
from app.core.json_store import JsonStore
from app.core.language import tr
from app.core.model_facts import Verification
from app.gguf_file.shards import shards_of
from app.jobs.reporter import Reporter
from app.library.download_record import DownloadRecords
from app.library.other_programs.ollama import digest_of

_CHUNK_BYTES = 2**20
_REPORT_BYTES = 32 * 2**20
_SHA256 = re.compile(r"^[0-9a-f]{64}$")
_Stamp = tuple[int, int]


class _Entry(msgspec.Struct, frozen=True):
    stamps: tuple[_Stamp, ...]
    verification: Verification


@dataclass(frozen=True)
class _Expected:
    """The SHA-256 that a file should have, and its source."""

    sha256: str
    source: str


class VerificationStore:
    """The last verification of each model."""

    def __init__(self) -> None:
        self._store = JsonStore(paths.verifications_file(), dict[str, _Entry], indented=True)
        self._entries = self._store.salvage() or {}

    def of(self, path: Path) -> Verification | None:
        """Return the last verification; its outcome is "changed" if the files were since."""
        entry = self._entries.get(_key(path))
        if entry is None:
            return None
        if entry.stamps == _stamps(shards_of(path)):
            return entry.verification
        return msgspec.structs.replace(entry.verification, outcome="changed")

    def keep(self, path: Path, stamps: tuple[_Stamp, ...], verification: Verification) -> None:
        """Save the verification of files that had these stamps.

        Raises:
            AppError: `disk_full`, `folder_not_writable`, `file_busy`.
        """
        self._entries[_key(path)] = _Entry(stamps, verification)
        self._store.write(self._entries)


def verify(path: Path, reporter: Reporter) -> Verification:
    """Hash the files of a model, and compare them with what their source lists.

    Where nothing is known, the checksums are recorded for the next time.

    Raises:
        AppError: `checksum_differs`, `file_unreadable`, and what `VerificationStore.keep` raises.
    """
    store = VerificationStore()
    files = shards_of(path)
    earlier = store.of(path)
    expected = [_expected(file, number, earlier) for number, file in enumerate(files)]
    stamps = _stamps(files)
    found = checksums_of(files, reporter.report)
    compared = zip(files, expected, found, strict=True)
    wrong = [(file, one) for file, one, sha256 in compared if one and one.sha256 != sha256]
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    if wrong:
        # The expected checksums stay known.
        known = zip(expected, found, strict=True)
        right = tuple(one.sha256 if one else sha256 for one, sha256 in known)
        store.keep(path, stamps, Verification("changed", today, right))
        file, one = wrong[0]
        raise AppError(ErrorCode.CHECKSUM_DIFFERS, file=file.name, source=one.source)
    outcome = Verification("verified" if all(expected) else "recorded", today, found)
    store.keep(path, stamps, outcome)
    return outcome


def _expected(file: Path, number: int, earlier: Verification | None) -> _Expected | None:
    downloaded = DownloadRecords().of(file)
    if downloaded is not None and _SHA256.match(downloaded.checksum):
        return _Expected(downloaded.checksum, tr("{name} lists", name=downloaded.repository))
    if digest := digest_of(file):
        return _Expected(digest, tr("Ollama's manifest lists"))
    blob = file.resolve()
    if blob.parent.name == "blobs" and _SHA256.match(blob.name):
        return _Expected(blob.name, tr("the Hub listed"))
    if earlier is not None and number < len(earlier.sha256):
        return _Expected(earlier.sha256[number], tr("was recorded on {date}", date=earlier.date))
    return None


def checksums_of(files: Sequence[Path], report: Callable[[Progressed], None]) -> tuple[str, ...]:
    """Return the SHA-256 of each file.

    Raises:
        AppError: `file_unreadable`.
    """
    total = sum(size for size, _ in _stamps(files))
    done = 0
    found = []
    for file in files:
        digest = hashlib.sha256()
        try:
            with file.open("rb") as content:
                while chunk := content.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    done += len(chunk)
                    if done % _REPORT_BYTES < len(chunk):
                        report(Progressed("verify", done, total, file.name))
        except OSError as error:
            raise unreadable_file(file, error) from error
        found.append(digest.hexdigest())
    report(Progressed("verify", done, total))
    return tuple(found)


def _stamps(files: Sequence[Path]) -> tuple[_Stamp, ...]:
    return tuple(map(_stamp, files))


def _stamp(file: Path) -> _Stamp:
    try:
        status = file.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _key(path: Path) -> str:
    return os.fsencode(path.absolute()).decode("utf-8", "replace")
