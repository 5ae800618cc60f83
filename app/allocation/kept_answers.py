"""Keep what was measured of a checkpoint until its weights, or this program, change."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from app import __version__
from app.checkpoint.weight_files import list_weights
from app.core import paths
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
Way = Literal["gradients", "engine"]


def answer_to(
    request: _Request, kind: type[Answer], measure: Callable[[], Answer], way: Way = "gradients"
) -> Answer:
    """Return the kept answer to a request, or measure it in this way and keep it.

    Raises:
        AppError: what `measure` and `write_atomically` raise.
    """
    kept = kept_answer(request, kind, way)
    if kept is not None:
        return kept
    answer = measure()
    if not _is_passing(request):
        _keep(_file(request, way), answer)
    return answer


def kept_answer(request: _Request, kind: type[Answer], way: Way = "gradients") -> Answer | None:
    """Return the answer to a request that was kept; None if there is none."""
    try:
        return msgspec.msgpack.decode(_file(request, way).read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None


def _keep(place: Path, answer: Sensitivity | ComparedModels) -> None:
    """Keep an answer; the oldest answers make room.

    Raises:
        AppError: what `write_atomically` raises.
    """
    write_atomically(place, msgspec.msgpack.encode(answer))
    files = sorted(paths.sensitivities_folder().iterdir(), key=lambda file: file.stat().st_mtime_ns)
    for file in files[:-_MAX_FILES]:
        with suppress(OSError):
            file.unlink()


def _is_passing(request: _Request) -> bool:
    """Return whether a request is about rows in a folder that is soon gone."""
    if isinstance(request, SensitivityRequest):
        return False
    return any(model.rounded for model in request.models)


def _file(request: _Request, way: Way) -> Path:
    """Return the file of the answer, named by all that it depends on."""
    folder = Path(request.source.checkpoint)
    states = [(folder / name).stat() for name in list_weights(folder).names]
    # The number of threads makes no difference.
    source = msgspec.structs.replace(request.source, threads=1)
    content = msgspec.msgpack.encode(
        (
            __version__,
            way,
            msgspec.structs.replace(request, source=source),
            [(state.st_size, state.st_mtime_ns) for state in states],
        )
    )
    return paths.sensitivities_folder() / hashlib.sha256(content).hexdigest()[:32]
