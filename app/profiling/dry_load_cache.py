"""What loads without allocation told, kept on disk: the same loads tell the same again."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from app.core import paths
from app.core.errors import AppError
from app.core.files import write_atomically
from app.gguf_file.header_reader import read_header
from app.native.devices import devices
from app.native.library import engine_fingerprint
from app.native.load_log import LoadLog

Told = list[list[LoadLog | None]]
_MOST_KEPT = 100


def cache_key(models: Iterable[Path], options: bytes) -> str:
    """What tells loads apart: the models, the options, the engine, the devices.

    Of a model what stands before its weights, which decide nothing.
    Which device takes a layer depends on what is free, once there are several.
    """
    digest = hashlib.sha256(engine_fingerprint().encode())
    found = devices()
    for device in found:
        free = device.free_bytes if sum(one.is_gpu for one in found) > 1 else 0
        digest.update(f"\0{device.name}\0{device.total_bytes}\0{free}".encode())
    digest.update(options)
    for model in models:
        state = model.stat()
        digest.update(f"\0{state.st_size}\0".encode())
        with model.open("rb") as file:
            digest.update(file.read(_data_offset(model, state.st_size, state.st_mtime_ns)))
    return digest.hexdigest()


@functools.lru_cache(maxsize=16)
def _data_offset(model: Path, *_state: int) -> int:
    """Return the offset of a file's weights; its header is parsed once for each state of it."""
    return read_header(model).data_offset


def get(key: str) -> Told | None:
    """What the loads told the last time; None when it is not known."""
    with suppress(OSError, msgspec.DecodeError):
        file = _file(key)
        told = msgspec.json.decode(file.read_bytes(), type=Told)
        os.utime(file)
        return told
    return None


def put(key: str, told: Told) -> None:
    """Remember what loads told, and forget what was not asked for longest."""
    folder = paths.trials_folder()
    with suppress(OSError, AppError):
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(_file(key), msgspec.json.encode(told))
        files = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime)
        for file in files[:-_MOST_KEPT]:
            file.unlink(missing_ok=True)


def _file(key: str) -> Path:
    return paths.trials_folder() / f"{key}.json"
