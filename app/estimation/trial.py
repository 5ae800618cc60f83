"""Loading a model without allocating anything, to learn what memory a real load would take.

llama.cpp ends the process on some models, so `try_loads` has a child do it.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import AppError, ErrorCode
from app.core.events import Failed, Said, decode_event
from app.core.load_options import FlashAttention
from app.estimation.cache_types import CACHE_TYPES, DEFAULT_CACHE_TYPE
from app.estimation.trial_log import LoadLog, read_load_log
from app.inference.loading import LoadWishes, context_parameters
from app.jobs.errand import run_errand
from app.native.library import load_llama, log

_TIMEOUT_SECONDS = 120


@dataclass(frozen=True)
class Trial:
    """A load to try: the file, the layers on devices, the tokens of the context."""

    model: Path
    gpu_layers: int
    context: int


@dataclass(frozen=True)
class LoadManner:
    """What the loads have in common, as in `LoadWishes`, and the type of keys and values."""

    cache_type: str = DEFAULT_CACHE_TYPE
    flash_attention: FlashAttention = "auto"
    slots: int = 1
    workers: tuple[str, ...] = ()
    reads_at_once: bool = False


def try_loads(trials: Sequence[Trial], manner: LoadManner) -> list[LoadLog | None]:
    """What each load tells, in order; None for those that llama.cpp refuses or dies of.

    Raises:
        AppError: `engine_missing`, `worker_unreachable`.
    """
    if not trials:
        return []
    logs: list[LoadLog | None] = [
        found if (found := read_load_log(text)).is_complete else None
        for text in _logs_from_child(trials, manner)
    ]
    return logs + [None] * (len(trials) - len(logs))


def load_without_allocation(
    trial: Trial, manner: LoadManner, devices: ctypes.Array[ctypes.c_void_p] | None = None
) -> str:
    """Load a model and open a context in this process, without memory; gives llama.cpp's log."""
    llama = load_llama()
    parameters = llama.llama_model_default_params()
    parameters.no_alloc = True
    # A mapped file can't go without memory of its own: llama.cpp aborts.
    parameters.load_mode = llama.LLAMA_LOAD_MODE_NONE
    parameters.use_extra_bufts = False
    parameters.n_gpu_layers = trial.gpu_layers
    if devices is not None:
        parameters.devices = ctypes.addressof(devices)
    with log.recording() as pieces:
        model = llama.llama_model_load_from_file(os.fsencode(trial.model), parameters)
        if model:
            context = llama.llama_init_from_model(model, _context_parameters(trial, manner))
            if context:
                llama.llama_free(context)
            llama.llama_model_free(model)
    return "".join(pieces)


def _context_parameters(trial: Trial, manner: LoadManner) -> object:
    wishes = LoadWishes(
        model=trial.model,
        layers=0,
        context=trial.context,
        trained_context=0,
        flash_attention=manner.flash_attention,
        slots=manner.slots,
        reads_at_once=manner.reads_at_once,
    )
    parameters = context_parameters(wishes, trial.context)
    parameters.type_k = parameters.type_v = CACHE_TYPES[manner.cache_type]
    return parameters


def _logs_from_child(trials: Sequence[Trial], manner: LoadManner) -> Iterator[str]:
    words = ["--kv", manner.cache_type, "--flash-attention", manner.flash_attention]
    words += ["--slots", str(manner.slots)]
    words += ["--reads-at-once"] if manner.reads_at_once else []
    words += [word for worker in manner.workers for word in ("--worker", worker)]
    for trial in trials:
        words += ["--load", f"{trial.gpu_layers}:{trial.context}:{trial.model}"]
    child = run_errand("trial-load", *words, timeout_seconds=_TIMEOUT_SECONDS)
    sys.stderr.write(child.log)
    for line in child.output.splitlines():
        match decode_event(line):
            case Said(text):
                yield text
            case Failed(ErrorCode.ENGINE_MISSING | ErrorCode.WORKER_UNREACHABLE as code, facts):
                raise AppError(code, **facts)
