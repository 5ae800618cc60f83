"""Store the measurements of model files until the files change.

Each model has its own small file in the data folder, so that simultaneous measurements don't
conflict. What a later measurement leaves out survives it, such as the comparison with a reference.
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
from app.core.language import tr
from app.estimation.quality import Quality
from app.gguf_file.shards import shards_of

_MAX_ENTRIES = 1000


class MeasuredText(msgspec.Struct, frozen=True):
    """The text of a measurement: its file name, the SHA-256 of its UTF-8, and the part read."""

    name: str
    sha256: str
    chunks: int
    chunk_tokens: int

    def __str__(self) -> str:
        """Describe the text to the user."""
        return tr(
            "{chunks} × {tokens} tokens of {name} ({digest})",
            chunks=self.chunks,
            tokens=self.chunk_tokens,
            name=self.name,
            digest=self.sha256[:8],
        )


class Comparison(msgspec.Struct, frozen=True):
    """The distance of a model from its reference on a text; divergences in nats."""

    reference: str
    text: MeasuredText
    mean: float
    median: float
    p999: float
    top_token_agreement: float


class StoredMeasurement(msgspec.Struct, frozen=True):
    """The last measurement of each part of a model: quality, speed and memory, comparison.

    The speeds are in tokens/s; `is_disturbed` if other programs kept the processors busy meanwhile.
    `date` is the day of the last measurement, as YYYY-MM-DD, empty if unknown.
    """

    text: MeasuredText | None = None
    perplexity: float | None = None
    prompt_tokens_per_second: float | None = None
    generation_tokens_per_second: float | None = None
    peak_memory_bytes: int | None = None
    comparison: Comparison | None = None
    is_disturbed: bool = False
    date: str = ""

    def completed_by(self, earlier: StoredMeasurement) -> StoredMeasurement:
        """Return it with the parts of an earlier measurement that it lacks."""
        whole = self
        if whole.perplexity is None:
            text, perplexity = earlier.text, earlier.perplexity
            whole = msgspec.structs.replace(whole, text=text, perplexity=perplexity)
        if whole.generation_tokens_per_second is None:
            whole = msgspec.structs.replace(
                whole,
                prompt_tokens_per_second=earlier.prompt_tokens_per_second,
                generation_tokens_per_second=earlier.generation_tokens_per_second,
                peak_memory_bytes=earlier.peak_memory_bytes,
                is_disturbed=earlier.is_disturbed,
            )
        if whole.comparison is None:
            whole = msgspec.structs.replace(whole, comparison=earlier.comparison)
        return whole


class FileState(msgspec.Struct, frozen=True):
    """Size and modification time of a file, which change when it is written to or replaced."""

    size_bytes: int
    modified_ns: int


Fingerprint = tuple[FileState, ...]
"""The states of all files of a model."""


class _Entry(msgspec.Struct, frozen=True):
    files: Fingerprint
    measurement: StoredMeasurement


def fingerprint_of(model: Path) -> Fingerprint:
    """Return the fingerprint of the model in the file `model`, which may be a shard.

    Raises:
        AppError: `file_unreadable`.
    """
    try:
        states = [file.stat() for file in shards_of(model.resolve())]
    except OSError as error:
        raise unreadable_file(model, error) from error
    return tuple(FileState(state.st_size, state.st_mtime_ns) for state in states)


def save_measurement(model: Path, fingerprint: Fingerprint, measurement: StoredMeasurement) -> None:
    """Store the measurement of a model whose files had this `fingerprint`.

    Raises:
        AppError: `file_busy` if another process is storing a measurement of the same model,
            `folder_not_writable`, `disk_full`.
    """
    earlier = _store(model).read()
    if earlier is not None and earlier.files == fingerprint:
        measurement = measurement.completed_by(earlier.measurement)
    _store(model).write(_Entry(fingerprint, measurement))
    _remove_oldest()


def stored_measurement(model: Path) -> StoredMeasurement | None:
    """Return the measurement of a model, unless its files have changed or are gone."""
    measurement, is_current = last_measurement(model)
    return measurement if is_current else None


def last_measurement(model: Path) -> tuple[StoredMeasurement | None, bool]:
    """Return the last measurement of a model, and whether its files are still the same."""
    entry = _store(model).read()
    if entry is None:
        return None, False
    try:
        return entry.measurement, entry.files == fingerprint_of(model)
    except AppError:
        return entry.measurement, False


def measured_quality(model: Path) -> Quality | None:
    """Return the measured quality of a model; None if never compared, or changed since."""
    stored = stored_measurement(model)
    if stored is None or stored.comparison is None:
        return None
    comparison = stored.comparison
    source = tr(
        "measured against {reference} on {chunks}",
        reference=comparison.reference,
        chunks=comparison.text,
    )
    mean = comparison.mean
    return Quality("measured", mean, mean, mean, source)


def _store(model: Path) -> JsonStore[_Entry]:
    # Two folders may have files of the same name, and a name may not be valid text.
    place = os.fsencode(shards_of(model.resolve())[0])
    file = paths.measurements_folder() / f"{hashlib.sha256(place).hexdigest()[:32]}.json"
    return JsonStore(file, _Entry)


def _remove_oldest() -> None:
    files = list(paths.measurements_folder().glob("*.json"))
    if len(files) <= _MAX_ENTRIES:
        return
    files.sort(key=_age_ns)
    for file in files[:-_MAX_ENTRIES]:
        # Another process may be removing the same files.
        file.unlink(missing_ok=True)


def _age_ns(file: Path) -> int:
    with suppress(OSError):
        return file.stat().st_mtime_ns
    return 0
