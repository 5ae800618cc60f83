"""Keep the measured sensitivity of a checkpoint until its weights change."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import msgspec

from app.checkpoint.weight_files import list_weights
from app.core import paths
from app.core.files import write_atomically
from app.sensitivity.requests import Sensitivity, SensitivityRequest

_MAX_FILES = 50


def kept_sensitivity(request: SensitivityRequest) -> Sensitivity | None:
    """Return the answer to a request that was kept; None if there is none."""
    try:
        return msgspec.msgpack.decode(_file(request).read_bytes(), type=Sensitivity)
    except (OSError, msgspec.DecodeError):
        return None


def keep_sensitivity(request: SensitivityRequest, sensitivity: Sensitivity) -> None:
    """Keep the answer to a request; the oldest answers make room.

    Raises:
        AppError: what `write_atomically` raises.
    """
    write_atomically(_file(request), msgspec.msgpack.encode(sensitivity))
    files = sorted(paths.sensitivities_folder().iterdir(), key=lambda file: file.stat().st_mtime_ns)
    for file in files[:-_MAX_FILES]:
        with suppress(OSError):
            file.unlink()


def _file(request: SensitivityRequest) -> Path:
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
