"""Cache of facts about model files, valid as long as the files don't change."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from app import __version__
from app.core.errors import AppError, ErrorCode
from app.core.events import ModelListed
from app.core.files import write_atomically
from app.gguf_file.shards import shards_of
from app.library.listed_model import read_listed_model

_Stamp = tuple[int, int, int]
_ABSENT: _Stamp = (0, 0, 0)
# These may not occur the next time, although the file is the same.
_TRANSIENT = frozenset({ErrorCode.FILE_UNREADABLE})


class _Entry(msgspec.Struct, frozen=True):
    """The size, time and inode of each file of a model, and its entry in the list."""

    stamps: tuple[_Stamp, ...]
    listed: ModelListed | None


class _Contents(msgspec.Struct, frozen=True):
    # Another version may read headers in another way.
    version: str
    entries: dict[str, _Entry]


class FactsCache:
    """Reads headers of files that are new or have changed; keeps the facts about all others.

    Args:
        file: where the facts are kept between scans, whole or not at all; a file that can't be
            read is made anew.
        read: reads one model.
    """

    def __init__(
        self, file: Path, read: Callable[[Path], ModelListed | None] = read_listed_model
    ) -> None:
        self._file = file
        self._read = read
        self._known = _entries_in(file)
        self._used: dict[str, _Entry] = {}

    def model_at(self, path: Path) -> ModelListed | None:
        """Return the entry of a file; None if it is not a language model."""
        key = str(path)
        stamps = tuple(_stamp(file) for file in shards_of(path))
        entry = self._known.get(key)
        if entry is None or entry.stamps != stamps:
            entry = _Entry(stamps, self._read(path))
        if _is_lasting(key, entry):
            self._used[key] = entry
        return entry.listed

    def models_below(self, place: Path) -> Iterator[ModelListed]:
        """Yield the models that were at a missing place, and keep their facts."""
        inside = f"{place}{os.sep}"
        for key, entry in self._known.items():
            if key == str(place) or key.startswith(inside):
                self._used[key] = entry
                if entry.listed is not None:
                    yield entry.listed

    def save(self) -> None:
        """Save the entries that were used since; if that fails, the next scan is only slower."""
        if self._used != self._known:
            with suppress(AppError):
                contents = _Contents(__version__, self._used)
                write_atomically(self._file, msgspec.msgpack.encode(contents))


def _entries_in(file: Path) -> dict[str, _Entry]:
    try:
        contents = msgspec.msgpack.decode(file.read_bytes(), type=_Contents)
    except (OSError, ValueError, RecursionError):
        return {}
    return contents.entries if contents.version == __version__ else {}


def _stamp(file: Path) -> _Stamp:
    try:
        status = file.stat()
    except OSError:
        return _ABSENT
    return status.st_size, status.st_mtime_ns, status.st_ino


def _is_lasting(key: str, entry: _Entry) -> bool:
    # A name that is no text can't be stored.
    is_text = os.fsencode(key).decode("utf-8", "replace") == key
    return is_text and (entry.listed is None or entry.listed.problem not in _TRANSIENT)
