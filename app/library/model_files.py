"""Files that may be models: a bounded walk through folders of any layout."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from app.core.language import tr
from app.core.sizes import format_duration
from app.gguf_file.detection import has_gguf_name, is_gguf_file
from app.gguf_file.shards import shards_of
from app.library.other_programs.ollama import OLLAMA_FOLDERS, ollama_models
from app.library.projectors import is_projector_name, projectors_of

_Identity = tuple[int, int]


@dataclass(frozen=True)
class Candidate:
    """A file that may be a model, or the first shard of one that is there.

    `name` is the one that another program gave it, `projector` the file that goes with it; both may
    be empty. If `is_projector`, it is one itself.
    """

    path: Path
    name: str = ""
    projector: str = ""
    is_projector: bool = False


@dataclass(frozen=True)
class Limits:
    """Limits of a walk through one place: names in folders, models, and time."""

    names: int = 500_000
    models: int = 20_000
    seconds: float = 300.0


class Walk:
    """Walks through one place after the other; a file in several of them is seen once.

    `folders` are those that were looked into.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.folders: list[Path] = []
        self._limits = limits or Limits()
        self._seen: set[_Identity] = set()

    def candidates(self, place: Path) -> Iterator[Candidate]:
        """Yield the candidates at a place, a file or folder; a `ScanLimited` ends it early.

        Raises:
            ScanLimited: the limits of a place are exhausted.
        """
        budget = _Budget(self._limits)
        for candidate in self._at(place, budget):
            if self._is_new(candidate.path):
                budget.take_model()
                yield candidate

    def _at(self, place: Path, budget: _Budget) -> Iterator[Candidate]:
        if place.is_file():
            if is_gguf_file(place):
                yield Candidate(shards_of(place)[0])
        else:
            yield from self._below(place, budget)

    def _below(self, place: Path, budget: _Budget) -> Iterator[Candidate]:
        waiting = [place]
        while waiting:
            folder = waiting.pop()
            # Links may form cycles.
            if not self._is_new(folder):
                continue
            self.folders.append(folder)
            below, names = _contents(folder, budget)
            yield from _candidates_among(folder, names)
            if {folder / name for name in OLLAMA_FOLDERS} <= set(below):
                yield from _candidates_of_ollama(folder)
            waiting += reversed(below)

    def _is_new(self, path: Path) -> bool:
        identity = _identity(path)
        if identity is None:
            return True
        is_new = identity not in self._seen
        self._seen.add(identity)
        return is_new


class ScanLimited(Exception):  # noqa: N818 - not an error: what was found before it counts
    """A place has more than a scan may take; `limit` names the limit that was reached."""

    def __init__(self, limit: str) -> None:
        super().__init__(limit)
        self.limit = limit


class _Budget:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._names = self._models = 0
        self._until = time.monotonic() + limits.seconds

    def take_names(self, folder: Path) -> list[os.DirEntry[str]]:
        """Return the entries of a folder by name."""
        left = self._limits.names - self._names
        with os.scandir(folder) as entries:
            taken = list(islice(entries, left + 1))
        self._names += len(taken)
        if len(taken) > left:
            raise ScanLimited(tr("{count} files", count=f"{self._limits.names:,}"))
        self._check_time()
        return sorted(taken, key=lambda entry: entry.name)

    def take_model(self) -> None:
        self._models += 1
        if self._models > self._limits.models:
            raise ScanLimited(tr("{count} models", count=f"{self._limits.models:,}"))
        self._check_time()

    def _check_time(self) -> None:
        if time.monotonic() > self._until:
            raise ScanLimited(format_duration(self._limits.seconds))


def _contents(folder: Path, budget: _Budget) -> tuple[list[Path], list[str]]:
    """Return the folders in a folder, and the names of its GGUF files."""
    try:
        entries = budget.take_names(folder)
    except OSError:
        return [], []
    folders = [folder / entry.name for entry in entries if _is_folder(entry)]
    below = {path.name for path in folders}
    return folders, [e.name for e in entries if has_gguf_name(e.name) and e.name not in below]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _candidates_among(folder: Path, names: Sequence[str]) -> Iterator[Candidate]:
    there = frozenset(names)
    projectors = [name for name in names if is_projector_name(name)]
    models = [name for name in names if not is_projector_name(name)]
    paired = projectors_of(models, projectors)
    for name in models:
        path = folder / name
        first = next(shard for shard in shards_of(path) if shard.name in there)
        if first == path:
            projector = str(folder / paired[name]) if name in paired else ""
            yield Candidate(path, projector=projector)
    yield from (Candidate(folder / name, is_projector=True) for name in projectors)


def _candidates_of_ollama(folder: Path) -> Iterator[Candidate]:
    for model in ollama_models(folder):
        yield Candidate(model.file, model.name, str(model.projector or ""))


def _identity(path: Path) -> _Identity | None:
    """Return the identity that all names of a file share; None if the system has none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if status.st_ino else None
