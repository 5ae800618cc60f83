"""On-disk cache of dry-load results."""

from __future__ import annotations

import functools
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

DryLoadLogs = list[list[LoadLog | None]]
_MAX_ENTRIES = 100


def cache_key(models: Iterable[Path], options: bytes) -> str:
    """Hash everything that decides the result: models, options, engine and devices.

    A model counts up to its weights, which don't matter. Free memory counts with several devices,
    as it decides which device takes a layer.
    """
    digest = hashlib.sha256(engine_fingerprint().encode())
    present = devices()
    for device in present:
        free = device.free_bytes if sum(one.is_gpu for one in present) > 1 else 0
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
    """Return the offset of a file's weights; its header is parsed again only if it changes."""
    return read_header(model).data_offset


def get(key: str) -> DryLoadLogs | None:
    """Return the cached logs, or None."""
    store = _store(key)
    logs = store.read()
    with suppress(OSError):
        os.utime(store.file)
    return logs


def put(key: str, logs: DryLoadLogs) -> None:
    """Cache the logs, and remove the least recently used ones."""
    folder = paths.dry_loads_folder()
    with suppress(OSError, AppError):
        _store(key).write(logs)
        files = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime)
        for file in files[:-_MAX_ENTRIES]:
            file.unlink(missing_ok=True)


def _store(key: str) -> JsonStore[DryLoadLogs]:
    return JsonStore(paths.dry_loads_folder() / f"{key}.json", DryLoadLogs)
