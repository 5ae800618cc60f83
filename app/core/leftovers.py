"""Notes about unfinished files, so that cancellation or the next start can remove them."""

from __future__ import annotations

import os
import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import psutil

from app.core import paths


class _Note(msgspec.Struct, frozen=True):
    process: int
    started: float
    path: str


_lock = threading.Lock()
_unfinished: dict[Path, Path] = {}


@contextmanager
def noted(path: Path) -> Iterator[None]:
    """Mark `path`, a file or folder, as unfinished while the block runs."""
    sweep(path)
    process = psutil.Process()
    note = _Note(process.pid, process.create_time(), str(path.absolute()))
    folder = paths.leftovers_folder()
    folder.mkdir(parents=True, exist_ok=True)
    note_file = folder / f"{uuid.uuid4().hex}.json"
    with _lock:
        _unfinished[note_file] = path
    try:
        _write(note_file, note)
        yield
    finally:
        with _lock:
            _unfinished.pop(note_file, None)
        note_file.unlink(missing_ok=True)


def remove_unfinished() -> None:
    """Remove all unfinished files of this process, on cancellation."""
    with _lock:
        for note_file, path in _unfinished.items():
            _remove(path, note_file)
        _unfinished.clear()


def sweep(only: Path | None = None) -> None:
    """Remove unfinished files of processes that are gone: all of them, or just `only`."""
    folder = paths.leftovers_folder()
    if not folder.is_dir():
        return
    notes = [(file, note) for file in folder.glob("*.json") if (note := _read(file))]
    alive = {note.path for file, note in notes if _is_alive(file, note)}
    wanted = None if only is None else str(only.absolute())
    for note_file, note in notes:
        if note.path not in alive and wanted in (None, note.path):
            _remove(Path(note.path), note_file)


def _write(note_file: Path, note: _Note) -> None:
    # Synced, because a note lost in a power cut would leave its file there forever.
    with note_file.open("wb") as file:
        file.write(msgspec.json.encode(note))
        file.flush()
        os.fsync(file.fileno())


def _read(note_file: Path) -> _Note | None:
    # Another process may be writing a note that can't be read.
    try:
        return msgspec.json.decode(note_file.read_bytes(), type=_Note)
    except (OSError, ValueError):
        return None


def _is_alive(note_file: Path, note: _Note) -> bool:
    if note_file in _unfinished:
        return True
    try:
        process = psutil.Process(note.process)
        # One that was killed may stay as a zombie for as long as nobody asks how it ended.
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        # Process ids are reused; the start time distinguishes the processes.
        return abs(process.create_time() - note.started) < 1
    except psutil.Error:
        return False


def _remove(path: Path, note_file: Path) -> None:
    # Windows refuses while the file is open; the note stays, and the next start tries again.
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        note_file.unlink(missing_ok=True)
