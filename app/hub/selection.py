"""Selection of a repository's files: a checkpoint, an adapter or one GGUF model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import PurePosixPath
from typing import NamedTuple

from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.events import Event, NoticeReported
from app.core.language import tr
from app.core.levels import DEFAULT_LEVEL, FORMAT_PRESERVING_LEVELS, LEVELS, SPECIAL_LEVELS
from app.core.names import escapes_folder, is_safe_part
from app.hub.repository import RepositoryFile, RepositoryInfo

_SINGLE = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_ADAPTER = "adapter_model.safetensors"
_PICKLE, _PICKLE_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
_PICKLES = re.compile(r"(pytorch|adapter)_model(-\d{5}-of-\d{5})?\.bin")
_LARGEST_COMPANION_BYTES = 256 * 2**20
_MAX_NAMED = 12
_VARIANT = re.compile(r"model\.\w+(-\d{5}-of-\d{5})?\.safetensors")
_SPLIT = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$", re.IGNORECASE)
_NOT_A_MODEL = re.compile(r"mmproj|imatrix", re.IGNORECASE)
_PROJECTOR = re.compile(r"mmproj", re.IGNORECASE)
_LEVELS = (*SPECIAL_LEVELS, *LEVELS, *FORMAT_PRESERVING_LEVELS)
_COMPANIONS = (
    "*.json",
    "*.model",
    "*.txt",
    "*.tiktoken",
    "*.jinja",
    "additional_chat_templates/*.jinja",
    # Pooling of embedding models by sentence-transformers.
    "[0-9]_*/config.json",
    "license*",
    "notice*",
    "readme.md",
)

_TOKENIZERS = ("*.model", "*.tiktoken")
"""Companions that a model requires, by patterns of their names."""

Files = tuple[RepositoryFile, ...]


class Selection(NamedTuple):
    """The files to fetch, and the names of skipped ones, which some systems can't store.

    Such a name has characters that Windows forbids, or differs from another only in case.
    """

    files: Files
    left_out: tuple[str, ...]


def files_to_fetch(
    info: RepositoryInfo, pattern: str | None = None, *, allows_pickle: bool = False
) -> Selection:
    """Return the files of a checkpoint, small ones first, or the shards of a GGUF model.

    Args:
        info: The repository.
        pattern: Selects among GGUF files: a level (`Q4_K_M`), a file's path, part of its name,
            or a pattern with `*`. None selects the checkpoint, or else the Q4_K_M file, or else
            the smallest.
        allows_pickle: The user agreed to pickle weights if there are no others.

    Raises:
        AppError: `repository_without_weights`, `pickle_weights`, `pattern_without_match`,
            `unsafe_name` and `needed_name` if the model needs a file whose name isn't portable.
    """
    weights = _checkpoint_weights(info.files) if pattern is None else ()
    chosen = (*_companions(info.files, weights), *weights) if weights else _gguf(info, pattern)
    if not chosen:
        chosen = _with_pickles(info, allows_pickle=allows_pickle)
    left_out = _unportable_names(chosen)
    for file in chosen:
        if file.path in left_out and _is_needed(file, chosen):
            code = ErrorCode.UNSAFE_NAME if escapes_folder(file.path) else ErrorCode.NEEDED_NAME
            raise AppError(code, name=file.path)
    return Selection(tuple(file for file in chosen if file.path not in left_out), left_out)


def report_left_out(selection: Selection, report: Callable[[Event], None]) -> None:
    """Report the skipped files, if there are any."""
    if selection.left_out:
        named = ", ".join(selection.left_out[:_MAX_NAMED])
        more = ", …" if len(selection.left_out) > _MAX_NAMED else ""
        report(NoticeReported(NoticeCode.FILES_LEFT_OUT, {"files": named + more}))


def is_gguf(file: RepositoryFile) -> bool:
    """Return whether the file is a GGUF model, or a shard of one."""
    return file.path.lower().endswith(".gguf")


def _checkpoint_weights(files: Files) -> Files:
    candidates = {
        file.path: file
        for file in sorted(files, key=lambda file: file.path)
        if file.path.endswith(".safetensors")
        and "/" not in file.path
        and not file.path.startswith("adapter_")
        and not _VARIANT.fullmatch(file.path)
    }
    if _SINGLE in candidates:
        return (candidates[_SINGLE],)
    own = {path: file for path, file in candidates.items() if path.startswith("model")}
    if own and not any(file.path == _INDEX for file in files):
        return tuple(own.values())
    # Some repositories contain the same weights again in Mistral's layout; an index may list
    # shards of any other name.
    without_twin = [file for path, file in candidates.items() if "consolidated" not in path]
    adapter = [file for file in files if file.path == _ADAPTER]
    return tuple(without_twin or candidates.values() or adapter)


def _with_pickles(info: RepositoryInfo, *, allows_pickle: bool) -> Files:
    weights = tuple(file for file in info.files if _PICKLES.fullmatch(file.path))
    if not weights:
        raise AppError(ErrorCode.REPOSITORY_WITHOUT_WEIGHTS, repository=info.repository)
    if not allows_pickle:
        raise AppError(ErrorCode.PICKLE_WEIGHTS, folder=info.repository, file=weights[0].path)
    return (*_companions(info.files, weights), *weights)


def _companions(files: Files, weights: Files) -> Files:
    index = _index_of(weights[0].path)
    return tuple(
        sorted(
            (file for file in files if _is_companion(file, index)),
            key=lambda file: (file.path != "config.json", file.path),
        )
    )


def _index_of(weights: str) -> str | None:
    if weights in (_SINGLE, _PICKLE):
        return None
    return _PICKLE_INDEX if weights.endswith(".bin") else _INDEX


def _is_companion(file: RepositoryFile, index: str | None) -> bool:
    name = file.path.lower()
    if name.startswith(".") or name.endswith(".part.json"):
        return False
    # Next to weights in a single file, an index would refer to shards that are not fetched.
    if name.endswith(".index.json") and name != index:
        return False
    return file.size_bytes <= _LARGEST_COMPANION_BYTES and any(
        fnmatchcase(name, pattern) and name.count("/") == pattern.count("/")
        for pattern in _COMPANIONS
    )


def gguf_models(files: Files) -> list[Files]:
    """Return the complete GGUF models, each as its file or its shards."""
    return _models_among(file for file in files if not _NOT_A_MODEL.search(file.path))


def gguf_projectors(files: Files) -> list[Files]:
    """Return the multimodal projectors."""
    return _models_among(file for file in files if _PROJECTOR.search(file.path))


def level_of(model: Files) -> str:
    """Return the level in a model's name, empty if it names none."""
    named = [level.name for level in _LEVELS if _has_level(model, level.name)]
    return max(named, key=len, default="")


def _gguf(info: RepositoryInfo, pattern: str | None) -> Files:
    models = gguf_models(info.files)
    if pattern is None:
        default = [model for model in models if _has_level(model, DEFAULT_LEVEL)]
        return min(default or models, key=size_of, default=())
    named = [one for one in gguf_projectors(info.files) if one[0].path == pattern]
    matching = named or _matching(models, pattern)
    if not matching:
        names = [model[0].path for model in models[:_MAX_NAMED]]
        raise AppError(
            ErrorCode.PATTERN_WITHOUT_MATCH,
            repository=info.repository,
            pattern=pattern,
            files=", ".join(names) or tr("it has no GGUF file"),
        )
    return tuple(file for model in matching for file in model)


def _models_among(files: Iterable[RepositoryFile]) -> list[Files]:
    candidates = sorted(filter(is_gguf, files), key=lambda file: (_base_name(file), file.path))
    models = [tuple(shards) for _, shards in groupby(candidates, key=_base_name)]
    return [model for model in models if _is_complete(model)]


def _base_name(file: RepositoryFile) -> str:
    return _SPLIT.sub(r"-of-\2.gguf", file.path)


def _is_complete(model: Files) -> bool:
    split = _SPLIT.search(model[0].path)
    return split is None or len(model) == int(split[2])


def _matching(models: list[Files], pattern: str) -> list[Files]:
    wanted = pattern.strip().lower()
    if any(c in wanted for c in "*?["):
        return [
            model
            for model in models
            if fnmatchcase(model[0].path.lower(), wanted)
            or fnmatchcase(PurePosixPath(model[0].path).name.lower(), wanted)
        ]
    exact = [model for model in models if any(file.path.lower() == wanted for file in model)]
    of_level = [model for model in models if _has_level(model, wanted)]
    containing = [model for model in models if wanted in model[0].path.lower()]
    # The shortest name is the plain one: `model-Q4_K_M.gguf` rather than `model-UD-Q4_K_M.gguf`.
    return sorted(exact or of_level or containing, key=lambda model: len(model[0].path))[:1]


def _has_level(model: Files, level: str) -> bool:
    return bool(re.search(rf"(?i)(^|[-._/]){re.escape(level)}(?=[-./])", model[0].path))


def size_of(model: Iterable[RepositoryFile]) -> int:
    """Return the size of a model's files together."""
    return sum(file.size_bytes for file in model)


def _unportable_names(files: Files) -> tuple[str, ...]:
    """Return names that are unsafe on some system or, ignoring case, the same as another."""
    found: list[str] = []
    seen: set[str] = set()
    # Lowercase names come first: they are what loaders look for.
    for path in sorted((file.path for file in files), key=lambda path: path != path.lower()):
        if not all(map(is_safe_part, path.split("/"))) or path.casefold() in seen:
            found.append(path)
        else:
            seen.add(path.casefold())
    return tuple(found)


def _is_needed(file: RepositoryFile, files: Files) -> bool:
    """Return whether a model requires a file: weights, or a tokenizer with no equivalent."""
    name = file.path.lower()
    is_twin = any(other.path != file.path and other.path.lower() == name for other in files)
    is_tokenizer = any(fnmatchcase(name, pattern) for pattern in _TOKENIZERS)
    return name.endswith((".gguf", ".safetensors", ".bin")) or (is_tokenizer and not is_twin)
