"""Index of the models in the user's folders; nothing in them is moved or renamed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from app.core.errors import AppError, ErrorCode, ErrorDetails
from app.core.events import ModelListed
from app.core.settings import load_settings
from app.gguf_file.detection import SUFFIX, has_gguf_name, is_gguf_file
from app.gguf_file.header_reader import Header
from app.gguf_file.model_info import ModelInfo, model_info_of, read_headers
from app.gguf_file.shards import shards_of, stem_of
from app.gguf_file.validation import check_sanity
from app.library.starter import starter_file

STARTER = "starter"
_PROJECTOR = "mmproj"


def scan(places: Iterable[Path]) -> Iterator[ModelListed]:
    """Yield all models at `places`, folders and files; those that can't be loaded have a reason."""
    for path in _model_files(places):
        listed = _list_model(path)
        if listed is not None:
            yield listed


def find_model(text: str, places: Sequence[Path]) -> Path:
    """Find a model by a path, a file name, a listed name, or `starter`.

    Raises:
        AppError: `model_not_found`, `model_ambiguous`.
    """
    if Path(text).is_file():
        return shards_of(Path(text))[0]
    if text == STARTER:
        return _starter()
    wanted = text.casefold().removesuffix(SUFFIX)
    found = [path for path in _model_files(places) if wanted in _file_names(path)]
    if not found:
        found = [Path(model.path) for model in scan(places) if model.name.casefold() == wanted]
    if not found:
        raise AppError(ErrorCode.MODEL_NOT_FOUND, model=text)
    if len(found) > 1:
        files = ", ".join(str(path) for path in found)
        raise AppError(ErrorCode.MODEL_AMBIGUOUS, model=text, files=files)
    return found[0]


def _starter() -> Path:
    settings, _ = load_settings()
    file = starter_file(settings)
    if not file.is_file():
        raise AppError(ErrorCode.MODEL_NOT_FOUND, model=STARTER)
    return file


def _file_names(path: Path) -> tuple[str, str]:
    return path.stem.casefold(), stem_of(path).casefold()


def _model_files(places: Iterable[Path]) -> Iterator[Path]:
    listed: set[Path] = set()
    for path in (file for place in places for file in _files_at(place)):
        # Places may overlap or repeat.
        known = path.parent.resolve() / path.name
        if (
            known not in listed
            and _PROJECTOR not in path.name.casefold()
            and _stands_for_model(path)
        ):
            listed.add(known)
            yield path


def _files_at(place: Path) -> Iterator[Path]:
    if place.is_file():
        if is_gguf_file(place):
            yield shards_of(place)[0]
        return
    visited: set[Path] = set()
    for root, subfolders, names in os.walk(place, followlinks=True):
        # Links may form cycles.
        if Path(root).resolve() in visited:
            subfolders.clear()
            continue
        visited.add(Path(root).resolve())
        subfolders.sort()
        yield from (Path(root, name) for name in sorted(names) if has_gguf_name(name))


def _stands_for_model(path: Path) -> bool:
    there = (shard for shard in shards_of(path) if shard == path or shard.exists())
    return next(there) == path


def _list_model(path: Path) -> ModelListed | None:
    try:
        headers = read_headers(path)
    except AppError as error:
        return _problem(path, error.code, error.details)
    if not _is_language_model(headers[0]):
        return None
    reason = check_sanity(headers[0])
    if reason is not None:
        return _problem(path, ErrorCode.GGUF_DAMAGED, {"file": path.name, "reason": reason})
    return _listed(model_info_of(headers))


def _is_language_model(header: Header) -> bool:
    # Adapters, projectors and importance matrices are GGUF files, too.
    kind = header.metadata.get("general.type", "model")
    return kind == "model" and header.architecture != "clip"


def _listed(info: ModelInfo) -> ModelListed:
    return ModelListed(
        path=str(info.path),
        name=info.name,
        level=info.level,
        architecture=info.architecture,
        size_bytes=info.size_bytes,
        parameters=info.parameters,
        context=info.context,
    )


def _problem(path: Path, code: ErrorCode, details: ErrorDetails) -> ModelListed:
    return ModelListed(
        path=str(path),
        name=stem_of(path),
        level="",
        architecture="",
        size_bytes=sum(_size_of(shard) for shard in shards_of(path)),
        parameters=0,
        context=0,
        problem=code,
        details=details,
    )


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
