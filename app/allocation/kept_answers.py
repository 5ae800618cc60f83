"""Keep what was measured of a checkpoint until its weights change."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from app.allocation.gradient_child import ask
from app.checkpoint.weight_files import list_weights
from app.core import paths
from app.core.events import Event
from app.core.files import write_atomically
from app.sensitivity.requests import (
    ComparedModels,
    ComparisonRequest,
    Sensitivity,
    SensitivityRequest,
)

_MAX_FILES = 100
_Request = SensitivityRequest | ComparisonRequest
Answer = TypeVar("Answer", Sensitivity, ComparedModels)


def answer_to(request: _Request, kind: type[Answer], report: Callable[[Event], None]) -> Answer:
    """Return the kept answer to a request, or ask for it and keep it.

    Raises:
        AppError: what `ask` and `write_atomically` raise.
    """
    kept = kept_answer(request, kind)
    if kept is not None:
        return kept
    answer = ask(request, kind, report)
    if not _is_passing(request):
        _keep(request, answer)
    return answer


def kept_answer(request: _Request, kind: type[Answer]) -> Answer | None:
    """Return the answer to a request that was kept; None if there is none."""
    try:
        return msgspec.msgpack.decode(_file(request).read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None


def _keep(request: _Request, answer: Sensitivity | ComparedModels) -> None:
    """Keep the answer to a request; the oldest answers make room.

    Raises:
        AppError: what `write_atomically` raises.
    """
    write_atomically(_file(request), msgspec.msgpack.encode(answer))
    files = sorted(paths.sensitivities_folder().iterdir(), key=lambda file: file.stat().st_mtime_ns)
    for file in files[:-_MAX_FILES]:
        with suppress(OSError):
            file.unlink()


def _is_passing(request: _Request) -> bool:
    """Return whether a request is about rows in a folder that is soon gone."""
    if isinstance(request, SensitivityRequest):
        return False
    return any(model.rounded for model in request.models)


def _file(request: _Request) -> Path:
    """Return the file of the answer, named by the request and the state of the weights."""
    folder = Path(request.source.checkpoint)
    states = [(folder / name).stat() for name in list_weights(folder).names]
    # The number of threads makes no difference.
    source = msgspec.structs.replace(request.source, threads=1)
    content = msgspec.msgpack.encode(
        (
            msgspec.structs.replace(request, source=source),
            [(state.st_size, state.st_mtime_ns) for state in states],
        )
    )
    return paths.sensitivities_folder() / hashlib.sha256(content).hexdigest()[:32]
