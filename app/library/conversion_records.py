"""Record of how models were converted on this machine, until their weights change.

A GGUF file can't tell: its bytes are llama.cpp's. Paths are left out, because the record is
published with the model.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import msgspec

from app.core import paths
from app.core.allocation_events import FileCompared
from app.core.errors import AppError
from app.core.json_store import JsonStore

_MAX_ENTRIES = 1000


class ConversionRecord(msgspec.Struct, frozen=True):
    """How a model was made.

    Attributes:
        command: The words of the command.
        repository: That of the weights, empty if it is unknown.
        compared: The quality of a file that was made by measuring the model, as it was measured
            then; None for other files.
    """

    command: tuple[str, ...]
    repository: str = ""
    compared: FileCompared | None = None


class _Entry(msgspec.Struct, frozen=True):
    size_bytes: int
    modified_ns: int
    record: ConversionRecord


class ConversionRecords:
    """The records of all models by their first file."""

    def __init__(self) -> None:
        self._store = JsonStore(paths.conversions_file(), dict[str, _Entry], indented=True)
        self._entries = self._store.salvage() or {}

    def of(self, model: Path) -> ConversionRecord | None:
        """Return the record of a model; None if there is none, or the file has changed since."""
        # A library has many models, and each path that is resolved takes several calls.
        entry = self._entries.get(_key(model)) if self._entries else None
        return entry.record if entry is not None and _state_of(model) == _stamp(entry) else None

    def repository_of(self, model: Path) -> str:
        """Return the repository of a model's weights; empty if it is unknown."""
        record = self.of(model)
        return record.repository if record else ""

    def keep(self, model: Path, record: ConversionRecord) -> None:
        """Save the record of a model that was just written.

        One that can't be saved is only missing from the model's card.
        """
        size_bytes, modified_ns = _state_of(model)
        self._entries.pop(_key(model), None)
        self._entries[_key(model)] = _Entry(size_bytes, modified_ns, record)
        newest = list(self._entries.items())[-_MAX_ENTRIES:]
        self._entries = dict(newest)
        with suppress(AppError):
            self._store.write(self._entries)


def _key(model: Path) -> str:
    return str(model.resolve()).encode("utf-8", "replace").decode()


def _stamp(entry: _Entry) -> tuple[int, int]:
    return entry.size_bytes, entry.modified_ns


def _state_of(model: Path) -> tuple[int, int]:
    try:
        status = model.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns
