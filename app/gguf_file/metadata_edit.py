"""Change metadata of a model; its weights and all other entries stay as they are, to the byte.

The changed file is written next to the old one and then takes its name. If the new header is as
long as the old one and differs in a single sector, as with another temperature, that sector is
written in place. Either way, the file is complete at every moment. Only the first file of a split
model has the metadata.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from app.core.errors import AppError, ErrorCode, unreadable_file
from app.core.events import Progressed
from app.core.files import SECTOR_BYTES, copy_bytes, open_atomically, require_space, write_sector
from app.gguf_file.bounded_reader import U64
from app.gguf_file.detection import has_gguf_name
from app.gguf_file.editable_metadata import MetadataChanges, entry_bytes, is_removable
from app.gguf_file.header_reader import Header
from app.gguf_file.model_info import read_headers
from app.gguf_file.shards import shards_named, shards_of

_PAIR_COUNT_OFFSET = 16

Report = Callable[[Progressed], None]


def edit_metadata(
    path: Path, changes: MetadataChanges, to: Path | None, report: Report
) -> tuple[Path, ...]:
    """Change the model in `path`, which may be one of its shards, and return the files written.

    With `to`, a changed copy is written there instead; a split model's is split under that name.

    Raises:
        AppError: `metadata_missing` and `metadata_fixed` for entries to be removed, `cache_file`,
            `file_exists`, `file_busy` if the file is being changed, `file_unreadable`, and what
            `read_headers`, `open_atomically` and `require_space` raise.
    """
    first = shards_of(path)[0]
    if to is None:
        # A link stays one: the file that it leads to is replaced.
        first = first.resolve()
    source = _Source(first, report)
    _require_removable(source.first, changes)
    header = source.edited_header(changes)
    if to is not None:
        return source.copy_to(to, header)
    if not has_gguf_name(first.name):
        raise AppError(ErrorCode.CACHE_FILE, file=path.name)
    source.replace(header)
    return (first,)


def _require_removable(header: Header, changes: MetadataChanges) -> None:
    for key in (key for key, value in changes.items() if value is None):
        if not is_removable(key):
            raise AppError(ErrorCode.METADATA_FIXED, key=key)
        if key not in header.entries:
            raise AppError(ErrorCode.METADATA_MISSING, key=key)


class _Source:
    """The files of a model; the first one gets another header."""

    def __init__(self, path: Path, report: Report) -> None:
        self._report = report
        self._stamp = _stamp_of(path)
        self._headers = read_headers(path)
        self.first = self._headers[0]
        self._old = _beginning_of(self.first)
        self._done_bytes = 0
        self._total_bytes = 0

    def edited_header(self, changes: MetadataChanges) -> bytes:
        """Return the header with the changes, padded to where the weights begin."""
        old, places = self._old, self.first.entries
        entries = {
            key: old[place.start : place.stop]
            for key, place in places.items()
            if changes.get(key, "") is not None
        }
        entries |= {
            key: entry_bytes(key, value) for key, value in changes.items() if value is not None
        }
        tensors = self.first.tensor_list
        head = (old[:_PAIR_COUNT_OFFSET], U64.pack(len(entries)))
        content = b"".join((*head, *entries.values(), old[tensors.start : tensors.stop]))
        return content + bytes(-len(content) % self.first.alignment)

    def replace(self, header: bytes) -> None:
        """Give the first file the header, in place if one sector is enough."""
        path = self.first.path
        sectors = self._different_sectors(header)
        # The other names of a hard link keep the file as it was.
        if len(header) == len(self._old) and len(sectors) <= 1 and path.stat().st_nlink == 1:
            for start in sectors:
                write_sector(path, start, header[start : start + SECTOR_BYTES])
            return
        self._total_bytes = self.first.size_bytes
        require_space(path.parent, self._total_bytes)
        self._write(self.first, header, path)

    def copy_to(self, to: Path, header: bytes) -> tuple[Path, ...]:
        """Write all files under another name, the first one last: without it, there is no model."""
        targets = shards_named(to, len(self._headers))
        for target in targets:
            if target.exists():
                raise AppError(ErrorCode.FILE_EXISTS, file=target.name)
        self._total_bytes = sum(header.size_bytes for header in self._headers)
        require_space(to.parent, self._total_bytes)
        for other, target in zip(self._headers[1:], targets[1:], strict=True):
            self._write(other, _beginning_of(other), target)
        self._write(self.first, header, targets[0])
        return targets

    def _different_sectors(self, header: bytes) -> list[int]:
        starts = range(0, len(header), SECTOR_BYTES)
        return [
            start
            for start in starts
            if header[start : start + SECTOR_BYTES] != self._old[start : start + SECTOR_BYTES]
        ]

    def _write(self, source: Header, header: bytes, target: Path) -> None:
        size = max(0, source.size_bytes - source.data_offset)
        with open_atomically(target) as file:
            file.write(header)
            self._advance(len(header))
            # Windows renames no file over an open one.
            with source.path.open("rb", buffering=0) as weights:
                weights.seek(source.data_offset)
                copy_bytes(weights, file, size, self._advance)
            if source is self.first and _stamp_of(source.path) != self._stamp:
                raise AppError(ErrorCode.FILE_BUSY, file=str(source.path))
            shutil.copymode(source.path, file.name)

    def _advance(self, copied: int) -> None:
        self._done_bytes = min(self._done_bytes + copied, self._total_bytes)
        self._report(Progressed("edit", self._done_bytes, self._total_bytes))


def _stamp_of(path: Path) -> tuple[int, int]:
    """Return the size and the time of the last change."""
    try:
        state = path.stat()
    except OSError as error:
        raise unreadable_file(path, error) from error
    return state.st_size, state.st_mtime_ns


def _beginning_of(header: Header) -> bytes:
    """Return the bytes before the weights."""
    try:
        with header.path.open("rb") as file:
            return file.read(header.data_offset)
    except OSError as error:
        raise unreadable_file(header.path, error) from error
