"""Load a model without allocating memory, to learn how much real loads would take.

Some models make llama.cpp end the process, so `run_dry_loads` uses a child process.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from app.core.errors import AppError, ErrorCode
from app.core.event_lines import decode_event
from app.core.events import Failed, LoadLogged
from app.core.load_options import LoadOptions
from app.inference.loading.engine_parameters import context_parameters, model_parameters
from app.jobs.child_process import run_verb
from app.native.devices import Pointers
from app.native.library import load_llama, log
from app.native.load_log import LoadLog, device_lines, read_load_log
from app.profiling.dry_load_cache import cache_key, get, put

_TIMEOUT_SECONDS = 120


@dataclass(frozen=True)
class DryLoad:
    """A file to load, and the contexts to open for it.

    All `loads` have the same `gpu_layers` and `experts_on_cpu`, both numbers.
    """

    model: Path
    loads: tuple[LoadOptions, ...]


@dataclass(frozen=True)
class ContextSetup:
    """Sequences, workers, and whether a context is read in one batch."""

    slots: int = 1
    workers: tuple[str, ...] = ()
    single_batch: bool = False


@dataclass(frozen=True)
class DryLoadOptions:
    """The child's options besides the files: the loads of each file, and their setup."""

    loads: tuple[tuple[LoadOptions, ...], ...]
    setup: ContextSetup


def run_dry_loads(dry_loads: Sequence[DryLoad], setup: ContextSetup) -> list[list[LoadLog | None]]:
    """Return the log of each load of each dry load, in order; None if llama.cpp refuses or crashes.

    Complete results are cached on disk.

    Raises:
        AppError: `engine_missing`, `worker_unreachable`.
    """
    if not dry_loads:
        return []
    options = DryLoadOptions(tuple(dry_load.loads for dry_load in dry_loads), setup)
    encoded = msgspec.json.encode(options)
    contexts = [context_of(load, setup) for dry_load in dry_loads for load in dry_load.loads]
    request = encoded + repr([_numbers(context) for context in contexts]).encode()
    key = cache_key([dry_load.model for dry_load in dry_loads], request)
    cached = get(key)
    if cached is not None:
        return cached
    received = _logs_from_child(dry_loads, encoded)
    logs = [_of_one_model([next(received, None) for _ in one.loads]) for one in dry_loads]
    if all(None not in of_one for of_one in logs):
        put(key, logs)
    return logs


def load_without_allocation(
    dry_load: DryLoad, setup: ContextSetup, devices: Pointers | None = None
) -> Iterator[LoadLog]:
    """Load a model and open contexts in this process, without allocating memory.

    Only the first log describes the model's layers and tensors.
    """
    llama = load_llama()
    first = dry_load.loads[0]
    parameters = model_parameters(
        msgspec.structs.replace(first, memory_lock=False, extra_buffers=False),
        first.gpu_layers or 0,
        first.experts_on_cpu or 0,
        devices,
        # llama.cpp aborts on a mapped model without allocation.
        is_mapped=False,
    )
    parameters.structure.no_alloc = True
    with log.recording() as pieces:
        model = llama.llama_model_load_from_file(os.fsencode(dry_load.model), parameters.structure)
    text = "".join(pieces)
    for options in dry_load.loads:
        with log.recording() as pieces:
            context = model and llama.llama_init_from_model(model, context_of(options, setup))
        yield read_load_log(text + "".join(pieces))
        text = device_lines(text)
        if context:
            llama.llama_free(context)
    if model:
        llama.llama_model_free(model)


def _of_one_model(logs: Sequence[LoadLog | None]) -> list[LoadLog | None]:
    first = logs[0]
    if first is None:
        return [None] * len(logs)
    layers, tensors = first.layer_devices, first.asked_tensors
    return [
        replace(one, layer_devices=layers, asked_tensors=tensors)
        if one is not None and one.is_complete
        else None
        for one in logs
    ]


def context_of(options: LoadOptions, setup: ContextSetup) -> Any:
    """Return llama.cpp's context parameters, as `serve` would use them."""
    return context_parameters(
        options,
        options.context,
        sequences=setup.slots,
        single_batch=setup.single_batch,
    )


def _numbers(structure: Any) -> list[float]:
    """Return the numbers in a structure: they decide a load's memory, and so its cache key."""
    values = (getattr(structure, name) for name, *_ in structure._fields_)
    return [value for value in values if isinstance(value, int | float)]


def _logs_from_child(dry_loads: Sequence[DryLoad], options: bytes) -> Iterator[LoadLog]:
    models = [str(dry_load.model) for dry_load in dry_loads]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "options.json"
        file.write_bytes(options)
        child = run_verb("dry-load", str(file), *models, timeout_seconds=_TIMEOUT_SECONDS)
    sys.stderr.write(child.log)
    for line in child.output.splitlines():
        match decode_event(line):
            case LoadLogged(read):
                yield msgspec.json.decode(read, type=LoadLog)
            case Failed(ErrorCode.ENGINE_MISSING | ErrorCode.WORKER_UNREACHABLE as code, details):
                raise AppError(code, **details)
