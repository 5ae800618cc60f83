"""What loads without allocation told, kept on disk: the same loads tell the same again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from app.core import paths
from app.core.errors import AppError
from app.core.json_store import JsonStore
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
        header = read_header(model)
        digest.update(f"\0{header.size_bytes}\0".encode())
        with model.open("rb") as file:
            digest.update(file.read(header.data_offset))
    return digest.hexdigest()


def get(key: str) -> Told | None:
    """What the loads told the last time; None when it is not known."""
    store = _store(key)
    logs = store.read()
    with suppress(OSError):
        os.utime(store.file)
    return logs


def put(key: str, told: Told) -> None:
    """Remember what loads told, and forget what was not asked for longest."""
    folder = paths.trials_folder()
    with suppress(OSError, AppError):
        _store(key).write(told)
        files = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime)
        for file in files[:-_MOST_KEPT]:
            file.unlink(missing_ok=True)


def _store(key: str) -> JsonStore[Told]:
    return JsonStore(paths.trials_folder() / f"{key}.json", Told)
