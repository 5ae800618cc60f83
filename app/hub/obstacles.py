"""Reasons why you can't chat with a repository's model or convert it, known before a download."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.checkpoint.quantization_config import require_readable_quantization
from app.core.errors import AppError, ErrorCode
from app.core.hub_events import RepositoryKind
from app.hub.model_kind import purpose_of
from app.hub.model_record import fields_of, texts_of
from app.hub.repository import RepositoryInfo
from app.hub.selection import files_to_fetch, is_gguf

_ADAPTER = "adapter_config.json"
_CONFIGURATION = "config.json"


def obstacle_of(
    info: RepositoryInfo,
    kind: RepositoryKind,
    config: dict[str, Any],
    architectures: frozenset[str] | None,
) -> AppError | None:
    """Return the first obstacle, or None.

    Args:
        info: The repository.
        kind: The purpose of its model.
        config: The model's configuration; empty if it is not known.
        architectures: The classes of models that the converter knows; None if they are not known.
    """
    try:
        _require_chat(info, kind)
        files_to_fetch(info)
        if not any(map(is_gguf, info.files)):
            _require_checkpoint(info)
            _require_architecture(config, architectures)
            require_readable_quantization(None, config)
    except AppError as error:
        return error
    return None


def _require_chat(info: RepositoryInfo, kind: RepositoryKind) -> None:
    if purpose := purpose_of(kind):
        raise AppError(ErrorCode.MODEL_WITHOUT_CHAT, repository=info.repository, kind=purpose)


def _require_checkpoint(info: RepositoryInfo) -> None:
    paths = {file.path for file in info.files}
    if _ADAPTER in paths and _CONFIGURATION not in paths:
        raise AppError(ErrorCode.ADAPTER_WITHOUT_OUTLINE, repository=info.repository)


def _require_architecture(config: dict[str, Any], known: frozenset[str] | None) -> None:
    names = list(_architectures_in(config))
    if known is not None and names and known.isdisjoint(names):
        raise AppError(ErrorCode.ARCHITECTURE_UNSUPPORTED, architecture=names[0])


def _architectures_in(config: dict[str, Any]) -> Iterator[str]:
    """Yield the classes of the model as a whole, and of its parts."""
    for part in (config, *map(fields_of, config.values())):
        yield from texts_of(part.get("architectures"))
