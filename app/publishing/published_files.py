"""The files of a model on this machine, and their names on the Hub."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import AppError, ErrorCode
from app.core.names import file_name_from
from app.gguf_file.detection import SUFFIX, has_gguf_name
from app.gguf_file.header_reader import Header
from app.gguf_file.model_info import ModelInfo, model_info_of, read_headers
from app.gguf_file.shards import shards_named, stem_of
from app.gguf_file.tensor_types import INTEGER_TYPES
from app.library.projectors import is_projector_name, projectors_of
from app.publishing.machine_paths import require_no_paths

_LABEL = re.compile(r"(?i)(?:^|[-._])(?:i?q\d\w*|b?f16|f32|mxfp4\w*|nvfp4|tq\d\w*)(?=$|[-._])")
"""What the Hub takes for a level in a name (huggingface.js, packages/tasks/src/gguf.ts)."""
_PROJECTOR = "mmproj"


@dataclass(frozen=True)
class LocalFile:
    """A file on this machine, and its name in the repository."""

    path: Path
    name: str
    size_bytes: int


@dataclass(frozen=True)
class LocalModel:
    """A model, or a projector, that will be published.

    `label` is its level; where the file names none, the type of most of its weights.
    """

    headers: tuple[Header, ...]
    info: ModelInfo
    label: str
    files: tuple[LocalFile, ...]

    @property
    def first(self) -> Header:
        """The header with the metadata."""
        return self.headers[0]

    @property
    def is_projector(self) -> bool:
        """True if it only lets another model see or hear."""
        return self.first.architecture == "clip"


def local_models(paths: Iterable[Path]) -> tuple[LocalModel, ...]:
    """Read the models in these files, each followed by its projector.

    Raises:
        AppError: `path_in_metadata`, `names_collide`, and what `read_headers` raises.
    """
    wanted = dict.fromkeys(one for path in paths for one in _with_projector(path))
    models = tuple(map(_local_model, wanted))
    named = Counter(file.name.casefold() for model in models for file in model.files)
    for file in (file for model in models for file in model.files):
        if named[file.name.casefold()] > 1:
            raise AppError(ErrorCode.NAMES_COLLIDE, name=file.name)
    return models


def published_stem(path: Path, info: ModelInfo, first: Header, label: str) -> str:
    """Return a file's name on the Hub without suffix, which has a level that it knows."""
    stem = stem_of(path)
    if not has_gguf_name(path.name) or file_name_from(stem) != stem or not _LABEL.search(stem):
        stem = f"{file_name_from(_name_of(path, info, first))}-{label}"
    if first.architecture == "clip" and not is_projector_name(stem):
        stem = f"{_PROJECTOR}-{stem}"
    return stem


def _local_model(path: Path) -> LocalModel:
    headers = tuple(read_headers(path))
    for header in headers:
        require_no_paths(header)
    info = model_info_of(list(headers))
    label = info.level or _usual_type(headers)
    stem = published_stem(path, info, headers[0], label)
    names = shards_named(Path(f"{stem}{SUFFIX}"), len(headers))
    files = (
        LocalFile(header.path, name.name, header.size_bytes)
        for header, name in zip(headers, names, strict=True)
    )
    return LocalModel(headers, info, label, tuple(files))


def _name_of(path: Path, info: ModelInfo, first: Header) -> str:
    named = first.metadata.get("general.name")
    # A blob of another program is named by its checksum.
    return named if isinstance(named, str) and not has_gguf_name(path.name) else info.name


def _usual_type(headers: Sequence[Header]) -> str:
    sizes: Counter[str] = Counter()
    for tensor in (tensor for header in headers for tensor in header.tensors):
        if tensor.type_number not in INTEGER_TYPES:
            sizes[tensor.type_name] += tensor.size_bytes
    return max(sizes, key=sizes.__getitem__, default="F32")


def _with_projector(path: Path) -> Iterator[Path]:
    yield path
    if is_projector_name(path.name) or not has_gguf_name(path.name):
        return
    names = [file.name for file in path.parent.iterdir() if has_gguf_name(file.name)]
    projectors = sorted(filter(is_projector_name, names))
    models = [name for name in names if not is_projector_name(name)]
    projector = projectors_of(models, projectors).get(path.name)
    if projector is not None:
        yield path.with_name(projector)
