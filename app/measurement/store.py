"""What was measured of a model's file, kept until the file changes.

Each model has a small file of its own in the data folder, so that two measurements at once do not
get in each other's way. A comparison with a reference outlives a later measurement without one.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

import msgspec

from app.core import paths
from app.core.errors import AppError, unreadable_file
from app.core.json_store import JsonStore
from app.estimation.quality import Quality
from app.gguf_file.shards import shards_of

_MOST_KEPT = 1000


class MeasuredText(msgspec.Struct, frozen=True):
    """The text that was read: its file's name, the SHA-256 of its UTF-8, and how much of it."""

    name: str
    sha256: str
    chunks: int
    chunk_tokens: int

    def __str__(self) -> str:
        """As a person reads it."""
        return f"{self.chunks} × {self.chunk_tokens} tokens of {self.name} ({self.sha256[:8]})"


class Comparison(msgspec.Struct, frozen=True):
    """How far a model is from its reference on a text, as `measure` has it; divergences in nats."""

    reference: str
    text: MeasuredText
    mean: float
    median: float
    p999: float
    top_token_agreement: float


class StoredMeasurement(msgspec.Struct, frozen=True):
    """All figures of a model's last measurement, and its last comparison; speeds in tokens/s."""

    text: MeasuredText
    perplexity: float
    prompt_tokens_per_second: float
    generation_tokens_per_second: float
    peak_memory_bytes: int
    comparison: Comparison | None = None


class FileState(msgspec.Struct, frozen=True):
    """What changes when a file is written to or another takes its place."""

    size_bytes: int
    modified_ns: int


Fingerprint = tuple[FileState, ...]
"""The states of all files of a model."""


class _Entry(msgspec.Struct, frozen=True):
    files: Fingerprint
    measurement: StoredMeasurement


def fingerprint_of(model: Path) -> Fingerprint:
    """The fingerprint of the model that the file `model` is, or is a shard of.

    Raises:
        AppError: `file_unreadable`.
    """
    try:
        states = [file.stat() for file in shards_of(model.resolve())]
    except OSError as error:
        raise unreadable_file(model, error) from error
    return tuple(FileState(state.st_size, state.st_mtime_ns) for state in states)


def save_measurement(model: Path, measured: Fingerprint, measurement: StoredMeasurement) -> None:
    """Keep what was measured of a model, whose files were as in the fingerprint `measured`.

    Raises:
        AppError: `file_busy` when another process just keeps something of the same model,
            `folder_not_writable`, `disk_full`.
    """
    earlier = _store(model).read()
    if measurement.comparison is None and earlier is not None and earlier.files == measured:
        comparison = earlier.measurement.comparison
        measurement = msgspec.structs.replace(measurement, comparison=comparison)
    _store(model).write(_Entry(measured, measurement))
    _forget_oldest()


def stored_measurement(model: Path) -> StoredMeasurement | None:
    """What was measured of a model, unless its files have changed since, or are gone."""
    entry = _store(model).read()
    try:
        is_same = entry is not None and entry.files == fingerprint_of(model)
    except AppError:
        return None
    return entry.measurement if entry is not None and is_same else None


def measured_quality(model: Path) -> Quality | None:
    """The measured quality of a model; None when it was not compared, or has changed since."""
    kept = stored_measurement(model)
    if kept is None or kept.comparison is None:
        return None
    found = kept.comparison
    source = f"measured against {found.reference} on {found.text}"
    return Quality("measured", found.mean, found.mean, found.mean, source)


def _store(model: Path) -> JsonStore[_Entry]:
    # Two folders may hold files of the same name, and a name may not be valid text.
    place = os.fsencode(shards_of(model.resolve())[0])
    file = paths.measurements_folder() / f"{hashlib.sha256(place).hexdigest()[:32]}.json"
    return JsonStore(file, _Entry)


def _forget_oldest() -> None:
    files = list(paths.measurements_folder().glob("*.json"))
    if len(files) <= _MOST_KEPT:
        return
    files.sort(key=_age_ns)
    for file in files[:-_MOST_KEPT]:
        # Another process may forget the same ones.
        file.unlink(missing_ok=True)


def _age_ns(file: Path) -> int:
    with suppress(OSError):
        return file.stat().st_mtime_ns
    return 0
