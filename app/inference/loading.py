"""Loading a model: what is wished for, what was given, and what to try when memory runs out."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.events import Event, Loading, Noticed
from app.core.load_options import FlashAttention
from app.core.machine import usable_threads
from app.native.devices import devices
from app.native.library import load_llama, log
from app.native.rpc import add_workers

Report = Callable[[Event], None]
_MEMORY_WORDS = (
    "failed to allocate",
    "unable to allocate",
    "cannot allocate memory",
    "out of memory",
    "bad_alloc",
)
_FLASH_ATTENTION = {"auto": -1, "off": 0, "on": 1}
_SMALLEST_PROGRESS = 0.01


@dataclass(frozen=True)
class LoadWishes:
    """How a model is to be loaded; None leaves it to the program.

    `slots` is how many replies can be written at once; they share the context.
    `reads_at_once` is for models whose tokens look at those behind them, too.
    `workers` are addresses of ggml's RPC workers, whose devices take layers, too.
    `evaluation_callback` is a C function that is asked about each step of every evaluation.
    """

    model: Path
    layers: int
    context: int
    trained_context: int
    gpu_layers: int | None = None
    threads: int | None = None
    threads_batch: int | None = None
    flash_attention: FlashAttention = "auto"
    slots: int = 1
    workers: tuple[str, ...] = ()
    reads_at_once: bool = False
    has_extra_buffers: bool = True
    evaluation_callback: object | None = None


@dataclass(frozen=True)
class LoadedModel:
    """The pointers to a loaded model and its context, and what it was given."""

    model: int
    context: int
    context_tokens: int
    gpu_layers: int
    threads: int


def load_model(wishes: LoadWishes, report: Report) -> LoadedModel:
    """Load a model and open a context.

    With automatic GPU layers, a load that fails for want of memory is tried again with fewer.

    Raises:
        AppError: `out_of_memory`, `model_rejected`, `engine_missing`, `worker_unreachable`.
    """
    extra_devices = add_workers(wishes.workers) if wishes.workers else None
    for layers in gpu_layer_steps(wishes, has_gpu=_has_gpu()):
        try:
            loaded = _load(wishes, layers, extra_devices, report)
        except AppError as error:
            if error.code is not ErrorCode.OUT_OF_MEMORY or layers == 0:
                raise
            continue
        if wishes.gpu_layers is None and 0 < layers <= wishes.layers:
            total = wishes.layers + 1
            report(Noticed(NoticeCode.FEWER_GPU_LAYERS, {"layers": layers, "total": total}))
        return loaded
    raise AppError(ErrorCode.OUT_OF_MEMORY, model=wishes.model.name, context=wishes.context)


@contextmanager
def opened_model(wishes: LoadWishes, report: Report) -> Iterator[LoadedModel]:
    """A loaded model, freed after the block.

    Raises:
        AppError: what `load_model` raises.
    """
    llama = load_llama()
    loaded = load_model(wishes, report)
    try:
        yield loaded
    finally:
        llama.llama_free(loaded.context)
        llama.llama_model_free(loaded.model)


def gpu_layer_steps(wishes: LoadWishes, *, has_gpu: bool) -> Iterator[int]:
    """The numbers of GPU layers to try, one after the other, until the memory is enough.

    A number that a person chose is tried alone. The output layer counts as one more layer.
    """
    if not has_gpu:
        yield 0
        return
    if wishes.gpu_layers is not None:
        yield wishes.gpu_layers
        return
    whole = wishes.layers + 1
    yield from sorted({whole, whole * 3 // 4, whole // 2, whole // 4, 0}, reverse=True)


def _has_gpu() -> bool:
    return any(device.is_gpu for device in devices())


def _load(
    wishes: LoadWishes,
    gpu_layers: int,
    extra_devices: ctypes.Array[ctypes.c_void_p] | None,
    report: Report,
) -> LoadedModel:
    llama = load_llama()
    log.clear()
    progress = llama.llama_progress_callback(_progress_reporter(report))
    parameters = llama.llama_model_default_params()
    parameters.n_gpu_layers = gpu_layers
    parameters.use_extra_bufts = wishes.has_extra_buffers
    parameters.progress_callback = progress
    if extra_devices is not None:
        parameters.devices = ctypes.addressof(extra_devices)
    model = llama.llama_model_load_from_file(os.fsencode(wishes.model), parameters)
    if not model:
        raise _load_error(wishes)
    try:
        return _open_context(replace(wishes, gpu_layers=gpu_layers), model, report)
    except AppError:
        llama.llama_model_free(model)
        raise


def _open_context(wishes: LoadWishes, model: int, report: Report) -> LoadedModel:
    llama = load_llama()
    threads = wishes.threads or usable_threads()
    tokens = wishes.context
    if 0 < wishes.trained_context < tokens:
        tokens = wishes.trained_context
        report(Noticed(NoticeCode.CONTEXT_REDUCED, {"context": tokens}))
    parameters = context_parameters(wishes, tokens)
    parameters.n_threads = threads
    parameters.n_threads_batch = wishes.threads_batch or threads
    if wishes.evaluation_callback is not None:
        parameters.cb_eval = wishes.evaluation_callback
    context = llama.llama_init_from_model(model, parameters)
    if not context:
        raise _load_error(wishes)
    return LoadedModel(
        model=model,
        context=context,
        context_tokens=llama.llama_n_ctx(context),
        gpu_layers=wishes.gpu_layers or 0,
        threads=threads,
    )


def context_parameters(wishes: LoadWishes, tokens: int) -> Any:
    """What decides how much memory a context of `tokens` takes, as llama.cpp's structure."""
    parameters = load_llama().llama_context_default_params()
    parameters.n_ctx = tokens
    # One more sequence, for embeddings beside the replies.
    parameters.n_seq_max = wishes.slots + 1
    parameters.kv_unified = True
    if wishes.reads_at_once:
        parameters.n_batch = parameters.n_ubatch = tokens
    parameters.flash_attn_type = _FLASH_ATTENTION[wishes.flash_attention]
    parameters.no_perf = True
    return parameters


def _progress_reporter(report: Report) -> Callable[[float, object], bool]:
    last = -1.0

    def take(fraction: float, _: object) -> bool:
        nonlocal last
        if fraction - last >= _SMALLEST_PROGRESS or fraction >= 1:
            last = fraction
            report(Loading(fraction))
        return True

    return take


def _load_error(wishes: LoadWishes) -> AppError:
    if any(words in log.text().lower() for words in _MEMORY_WORDS):
        return AppError(ErrorCode.OUT_OF_MEMORY, model=wishes.model.name, context=wishes.context)
    return AppError(ErrorCode.MODEL_REJECTED, model=wishes.model.name, reason=log.reason())
