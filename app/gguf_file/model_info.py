"""Facts about a GGUF model that its headers hold: name, level, size, context, chat template."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import AppError, ErrorCode
from app.core.levels import level_name
from app.gguf_file.header_reader import Header, read_header
from app.gguf_file.shards import shards_of, stem_of


@dataclass(frozen=True)
class ModelInfo:
    """A model as its header describes it; `path` is its first file, `files` are all of them.

    `size_bytes` and `parameters` count all files; `context` is the number of tokens that the
    model was trained for; `width` is the length of its embedding vectors. If `is_causal`, each
    token attends only to those before it, which generating text requires.
    """

    path: Path
    files: tuple[Path, ...]
    name: str
    level: str
    architecture: str
    size_bytes: int
    parameters: int
    context: int
    layers: int
    width: int
    vocabulary: int
    is_causal: bool
    chat_template: str | None


def read_model_info(path: Path) -> ModelInfo:
    """Return the facts about the model in `path`, which may be one of its shards.

    Raises:
        AppError: what `read_headers` raises.
    """
    return model_info_of(read_headers(path))


def read_headers(path: Path) -> list[Header]:
    """Read the headers of all files of a model, in shard order.

    Raises:
        AppError: `missing_shard`, and what `app.gguf_file.header_reader.read_header` raises.
    """
    files = shards_of(path)
    missing = next((file for file in files if not file.exists()), None)
    if missing is not None and len(files) > 1:
        raise AppError(ErrorCode.MISSING_SHARD, file=missing.name)
    return [read_header(file) for file in files]


def model_info_of(headers: list[Header]) -> ModelInfo:
    """Return the facts in the headers that `read_headers` returns."""
    first = headers[0]
    tokens = first.arrays.get("tokenizer.ggml.tokens")
    template = first.metadata.get("tokenizer.chat_template")
    ftype = first.metadata.get("general.file_type")
    level = level_name(ftype) if isinstance(ftype, int) else ""
    return ModelInfo(
        path=first.path,
        files=tuple(header.path for header in headers),
        name=_name_of(first.path, level),
        level=level,
        architecture=first.architecture,
        size_bytes=sum(header.size_bytes for header in headers),
        parameters=sum(math.prod(tensor.shape) for h in headers for tensor in h.tensors),
        context=first.number("context_length"),
        layers=first.number("block_count"),
        width=first.number("embedding_length"),
        vocabulary=tokens.count if tokens else 0,
        is_causal=first.metadata.get(f"{first.architecture}.attention.causal") is not False,
        chat_template=template if isinstance(template, str) else None,
    )


def _name_of(path: Path, level: str) -> str:
    """Return the file's name without the level at its end.

    The name in the metadata is often that of a base model or of an experiment.
    """
    stem = stem_of(path)
    ending = stem[-len(level) :]
    if level and ending.upper() == level and stem[: -len(level)].strip("-._ "):
        return stem[: -len(level)].rstrip("-._ ")
    return stem
