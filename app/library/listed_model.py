"""The library's entry for one file: the facts of its header, or why it can't be loaded."""

from __future__ import annotations

from pathlib import Path

from app.core.errors import AppError, ErrorCode, ErrorDetails
from app.core.events import ModelListed
from app.core.files import size_of
from app.gguf_file.header_reader import Header
from app.gguf_file.model_info import facts_of, model_info_of, read_headers
from app.gguf_file.shards import shards_of, stem_of
from app.gguf_file.validation import check_sanity

_LONGEST_TEXT = 500
_LONGEST_NAME = 100
_LARGEST_NUMBER = 2**63 - 1


def read_listed_model(path: Path) -> ModelListed | None:
    """Read a file's header; None if it is GGUF, but not a language model."""
    try:
        headers = read_headers(path)
    except AppError as error:
        return _problem(path, error.code, error.details)
    if not _is_language_model(headers[0]):
        return None
    reason = check_sanity(headers[0])
    if reason is not None:
        return _problem(path, ErrorCode.GGUF_DAMAGED, {"file": path.name, "reason": reason})
    info = model_info_of(headers)
    return ModelListed(
        path=str(info.path),
        name=info.name,
        level=info.level,
        architecture=info.architecture[:_LONGEST_NAME],
        size_bytes=info.size_bytes,
        parameters=info.parameters,
        context=info.context,
        header=facts_of(headers),
    )


def _is_language_model(header: Header) -> bool:
    # Adapters, projectors and importance matrices are GGUF files, too.
    kind = header.metadata.get("general.type", "model")
    return kind == "model" and header.architecture != "clip"


def _problem(path: Path, code: ErrorCode, details: ErrorDetails) -> ModelListed:
    return ModelListed(
        path=str(path),
        name=stem_of(path),
        level="",
        architecture="",
        size_bytes=sum(size_of(shard) for shard in shards_of(path)),
        parameters=0,
        context=0,
        problem=code,
        details={key: _bounded(value) for key, value in details.items()},
    )


def _bounded(value: str | float) -> str | float:
    """Return a detail that can be stored, since reasons quote the contents of files."""
    if isinstance(value, str):
        return value[:_LONGEST_TEXT]
    return min(value, _LARGEST_NUMBER)
