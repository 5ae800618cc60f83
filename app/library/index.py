"""Index of the models in the user's folders; nothing in them is moved or renamed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from app.core import paths
from app.core.errors import AppError, ErrorCode
from app.core.events import ModelListed
from app.core.settings import load_settings
from app.gguf_file.detection import SUFFIX
from app.gguf_file.shards import shards_of, stem_of
from app.library.facts_cache import FactsCache
from app.library.marks import MarksStore
from app.library.model_files import Candidate, ScanLimited, Walk
from app.library.starter import starter_file

STARTER = "starter"


class Index:
    """Lists the models of one place after the other; a model in several of them comes once."""

    def __init__(self, walk: Walk, cache: FactsCache) -> None:
        self.walk = walk
        self._cache = cache

    def models_at(self, place: Path) -> Iterator[ModelListed]:
        """Yield all models at a place; those that can't be loaded have a reason.

        Raises:
            ScanLimited: there are more than a scan may take.
        """
        for candidate in self.walk.candidates(place):
            listed = self._cache.model_at(candidate.path)
            if listed is not None and (listed.problem or not candidate.is_projector):
                yield _as_found(listed, candidate)


def scan(places: Iterable[Path]) -> Iterator[ModelListed]:
    """Yield all models at `places`, folders and files, as far as a scan may go."""
    index = Index(Walk(), FactsCache(paths.library_cache_file()))
    for place in places:
        try:
            yield from index.models_at(place)
        except ScanLimited:
            continue


def find_model(text: str, places: Sequence[Path]) -> Path:
    """Find a model by a path, a file name, a listed name, the user's label, or `starter`.

    Raises:
        AppError: `model_not_found`, `model_ambiguous`.
    """
    if Path(text).is_file():
        return shards_of(Path(text))[0]
    if text == STARTER:
        return _starter()
    wanted = text.casefold().removesuffix(SUFFIX)
    found = [path for path in _files_at(places) if wanted in _file_names(path)]
    if not found:
        marks = MarksStore()
        found = [Path(one.path) for one in scan(places) if wanted in _names_of(one, marks)]
    if not found:
        raise AppError(ErrorCode.MODEL_NOT_FOUND, model=text)
    if len(found) > 1:
        files = ", ".join(str(path) for path in found)
        raise AppError(ErrorCode.MODEL_AMBIGUOUS, model=text, files=files)
    return found[0]


def _as_found(listed: ModelListed, candidate: Candidate) -> ModelListed:
    name = candidate.name or listed.name
    return msgspec.structs.replace(listed, name=name, projector=candidate.projector)


def _starter() -> Path:
    settings, _ = load_settings()
    file = starter_file(settings)
    if not file.is_file():
        raise AppError(ErrorCode.MODEL_NOT_FOUND, model=STARTER)
    return file


def _files_at(places: Iterable[Path]) -> Iterator[Path]:
    walk = Walk()
    for place in places:
        try:
            yield from (one.path for one in walk.candidates(place) if not one.is_projector)
        except ScanLimited:
            continue


def _names_of(model: ModelListed, marks: MarksStore) -> set[str]:
    label = marks.of(model.path, model.size_bytes).label
    return {name.casefold() for name in (model.name, label) if name}


def _file_names(path: Path) -> tuple[str, str]:
    return path.stem.casefold(), stem_of(path).casefold()
