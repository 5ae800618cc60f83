"""Facts about a GGUF model that its headers hold: name, level, size, context, chat template."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.core.levels import level_name
from app.core.model_facts import ModelFacts
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


_HUB_PAGE = re.compile(r"^(?:https?://)?(?:huggingface\.co|hf\.co)/([^/]+/[^/?#]+)")
_ORIGINS = ("general.source.huggingface.repository", "general.repo_url", "general.source.repo_url")
_BASES = ("general.base_model.0.repo_url", "general.source.url")
_OWN_KEYS = "gristmill."
"""Beginning of the keys that a file has if its types were measured or its rounding corrected."""
_LONGEST_FACT = 120
_LARGEST_HEADERS = 64 * 2**20
# Some programs give every file the same name, in a folder that has the model's.
_NAMELESS = frozenset({"model", "ggml-model"})


def read_model_info(path: Path) -> ModelInfo:
    """Return the facts about the model in `path`, which may be one of its shards.

    Raises:
        AppError: what `read_headers` raises.
    """
    return model_info_of(read_headers(path))


def read_headers(path: Path) -> list[Header]:
    """Read the headers of all files of a model, in shard order.

    Raises:
        AppError: `missing_shard`, `gguf_damaged` if they are too large together, and what
            `app.gguf_file.header_reader.read_header` raises.
    """
    files = shards_of(path)
    missing = next((file for file in files if not file.exists()), None)
    if missing is not None and len(files) > 1:
        raise AppError(ErrorCode.MISSING_SHARD, file=missing.name)
    headers: list[Header] = []
    size_bytes = 0
    for file in files:
        headers.append(read_header(file))
        size_bytes += headers[-1].data_offset
        if size_bytes > _LARGEST_HEADERS:
            reason = tr("the headers of its files claim to be larger than 64 MB")
            raise AppError(ErrorCode.GGUF_DAMAGED, file=file.name, reason=reason)
    return headers


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


def facts_of(headers: list[Header]) -> ModelFacts:
    """Return the facts in a model's headers, from `read_headers`, beyond its name and size."""
    first = headers[0]
    tensors = [tensor for header in headers for tensor in header.tensors]
    weights = sum(math.prod(tensor.shape) for tensor in tensors)
    bits = 8 * sum(tensor.size_bytes for tensor in tensors)
    return ModelFacts(
        bits_per_weight=round(bits / weights, 3) if weights else 0.0,
        has_chat_template="tokenizer.chat_template" in first.value_types,
        license=_text(first, "general.license"),
        quantized_by=_text(first, "general.quantized_by"),
        origin=_repository(first, _ORIGINS),
        base_model=_repository(first, _BASES),
        has_measured_types=any(key.startswith(_OWN_KEYS) for key in first.value_types),
    )


def _repository(header: Header, keys: tuple[str, ...]) -> str:
    for key in keys:
        text = _text(header, key)
        page = _HUB_PAGE.match(text)
        if page or text.count("/") == 1:
            return page[1] if page else text
    return ""


def _text(header: Header, key: str) -> str:
    """Return a short text without line breaks, empty if there is none."""
    value = header.metadata.get(key)
    text = value[:_LONGEST_FACT] if isinstance(value, str) else ""
    return "".join(c for c in text if c.isprintable()).strip()


def _name_of(path: Path, level: str) -> str:
    """Return the file's name without the level at its end.

    The name in the metadata is often that of a base model or of an experiment.
    """
    stem = stem_of(path)
    if stem.casefold() in _NAMELESS and path.parent.name:
        stem = path.parent.name
    ending = stem[-len(level) :]
    if level and ending.upper() == level and stem[: -len(level)].strip("-._ "):
        return stem[: -len(level)].rstrip("-._ ")
    return stem
