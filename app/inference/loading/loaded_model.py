"""Load a model, with fallbacks when memory runs out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from app.core.device_memory import PROCESSOR, DeviceMemory
from app.core.errors import AppError, ErrorCode, ErrorDetails, NoticeCode
from app.core.events import Event, Loading, NoticeReported
from app.core.load_options import QUANTIZED_CACHE_TYPES, LoadOptions
from app.gguf_file.model import Model
from app.inference.loading.engine_parameters import context_parameters, model_parameters
from app.inference.loading.fallbacks import LoadStep, load_steps
from app.inference.loading.file_mapping import should_map
from app.inference.loading.load_memory import memory_of
from app.native.devices import Device, Pointers, devices
from app.native.engine_warnings import relevant_warnings
from app.native.huge_pages import request_huge_pages
from app.native.library import load_llama, log
from app.native.load_log import read_load_log
from app.native.rpc import add_workers

Report = Callable[[Event], None]
_MEMORY_WORDS = (
    "failed to allocate",
    "unable to allocate",
    "cannot allocate memory",
    "out of memory",
    "bad_alloc",
)
_NOT_LOCKED_WORDS = ("failed to mlock", "mlock not supported")
_SMALLEST_PROGRESS = 0.01
_RESERVE_BYTES = 128 * 2**20
"""CUDA allocates this at the first prompt, beyond llama.cpp's buffers: 74 to 88 MiB on an H100."""


@dataclass(frozen=True)
class LoadRequest:
    """A model to load, and the options to load it with.

    `planned` is the step that should fit, if that was estimated. `slots` is the number of replies
    that can be generated in parallel; they share the context. With `shrinks_context`, a smaller
    context is tried when memory is short. `single_batch` is for models whose tokens also attend
    to later ones. `all_outputs` keeps the output of every token, not only of a sequence's last.
    `workers` are addresses of ggml's RPC workers, whose devices also take layers.
    `evaluation_callback` is a C function that ggml calls for each step of every evaluation.
    """

    model: Model
    options: LoadOptions
    planned: LoadStep | None = None
    slots: int = 1
    workers: tuple[str, ...] = ()
    shrinks_context: bool = False
    single_batch: bool = False
    all_outputs: bool = False
    evaluation_callback: object | None = None

    @property
    def context(self) -> int:
        """The context size in tokens: at most what the model was trained for."""
        return min(self.options.context, self.model.info.context or self.options.context)


@dataclass(frozen=True)
class LoadedModel:
    """The pointers to a loaded model and its context, and the resources it was given.

    `step` is the load step that succeeded; `gpu_layers` is the number of layers actually on
    devices, the output being one of them; `memory` is the memory used on each device.
    """

    model: int
    context: int
    context_tokens: int
    step: LoadStep
    gpu_layers: int
    threads: int
    memory: dict[str, DeviceMemory]


def load_model(load_request: LoadRequest, report: Report) -> LoadedModel:
    """Load a model and open a context.

    A load that runs out of memory is retried with less, in the order of `load_steps`.

    Raises:
        AppError: `out_of_memory`, `model_rejected`, `engine_missing`, `worker_unreachable`,
            `cache_needs_flash_attention`.
    """
    require_consistent(load_request.options)
    extra_devices = add_workers(load_request.workers) if load_request.workers else None
    # Querying a device allocates memory on it: not done if no layer goes to any.
    found = [] if load_request.options.gpu_layers == 0 else [one for one in devices() if one.is_gpu]
    has_room = any(not device.is_full for device in found)
    if found and not has_room and load_request.options.gpu_layers:
        raise AppError(
            ErrorCode.OUT_OF_MEMORY,
            model=load_request.model.path.name,
            context=load_request.context,
        )
    steps = load_steps(
        load_request.options,
        load_request.model.info.layers,
        load_request.context,
        load_request.planned,
        has_device=has_room,
        shrinks_context=load_request.shrinks_context,
    )
    for step in steps:
        try:
            loaded = _load(load_request, step, extra_devices, [one.name for one in found], report)
        except AppError as error:
            if error.code is not ErrorCode.OUT_OF_MEMORY:
                raise
            continue
        if load_request.options.gpu_layers is None and step.gpu_layers and not have_reserve(found):
            # Otherwise the first prompt would run out of memory and end the process.
            free(loaded)
            continue
        for notice in _notices(load_request, step, has_device=bool(found)):
            report(notice)
        return loaded
    raise _out_of_memory(load_request)


@contextmanager
def opened_model(load_request: LoadRequest, report: Report) -> Iterator[LoadedModel]:
    """Load a model, and free it after the block.

    Raises:
        AppError: what `load_model` raises.
    """
    loaded = load_model(load_request, report)
    try:
        yield loaded
    finally:
        free(loaded)


def free(loaded: LoadedModel) -> None:
    """Free a loaded model and its context."""
    llama = load_llama()
    llama.llama_free(loaded.context)
    llama.llama_model_free(loaded.model)


def have_reserve(before: Sequence[Device]) -> bool:
    """Return whether each of these devices with dedicated memory still has a reserve free.

    Prompts allocate some memory outside llama.cpp's buffers; if there is none, the process ends.
    """
    own = {one.name for one in before if one.total_bytes and not one.shares_memory}
    return all(one.free_bytes >= _RESERVE_BYTES for one in devices() if one.name in own)


def require_consistent(options: LoadOptions) -> None:
    """Refuse combinations of options that llama.cpp would refuse.

    Raises:
        AppError: `cache_needs_flash_attention`.
    """
    if options.flash_attention == "off" and options.cache_type_v in QUANTIZED_CACHE_TYPES:
        raise AppError(ErrorCode.CACHE_NEEDS_FLASH_ATTENTION, type=options.cache_type_v)


def _load(
    load_request: LoadRequest,
    step: LoadStep,
    extra_devices: Pointers | None,
    names: Sequence[str],
    report: Report,
) -> LoadedModel:
    llama = load_llama()
    parameters = model_parameters(
        load_request.options,
        step.gpu_layers,
        step.experts_on_cpu,
        extra_devices,
        is_mapped=should_map(
            load_request.model.info.size_bytes, load_request.options, step.gpu_layers
        ),
    )
    progress = llama.llama_progress_callback(_progress_reporter(report))
    parameters.structure.progress_callback = progress
    with log.recording() as pieces:
        model = llama.llama_model_load_from_file(
            os.fsencode(load_request.model.path), parameters.structure
        )
        if not model:
            raise _load_error(load_request)
        context = _open_context(load_request, step, model)
        if not context:
            llama.llama_model_free(model)
            raise _load_error(load_request)
    request_huge_pages()
    load = read_load_log("".join(pieces))
    return LoadedModel(
        model=model,
        context=context,
        context_tokens=llama.llama_n_ctx(context),
        step=step,
        gpu_layers=sum(name != PROCESSOR for name in load.layer_devices),
        threads=llama.llama_n_threads(context),
        memory=memory_of(load, names, load_request.model, llama.llama_model_size(model)),
    )


def _open_context(load_request: LoadRequest, step: LoadStep, model: int) -> int | None:
    llama = load_llama()
    parameters = context_parameters(
        load_request.options,
        step.context,
        sequences=load_request.slots,
        single_batch=load_request.single_batch,
        all_outputs=load_request.all_outputs,
    )
    if load_request.evaluation_callback is not None:
        parameters.cb_eval = load_request.evaluation_callback
    context: int | None = llama.llama_init_from_model(model, parameters)
    return context


def _notices(
    load_request: LoadRequest, step: LoadStep, *, has_device: bool
) -> Iterator[NoticeReported]:
    """Yield notices of what differs from what the user chose or would expect."""
    options, layers = load_request.options, load_request.model.info.layers
    if load_request.context < options.context:
        yield NoticeReported(NoticeCode.CONTEXT_REDUCED, {"context": load_request.context})
    if step.context < load_request.context:
        details: ErrorDetails = {"context": step.context, "wished": load_request.context}
        yield NoticeReported(NoticeCode.SMALLER_CONTEXT, details)
    if options.experts_on_cpu is None and step.experts_on_cpu:
        details = {"layers": step.experts_on_cpu, "total": layers}
        yield NoticeReported(NoticeCode.EXPERTS_IN_RAM, details)
    if has_device and options.gpu_layers is None and step.gpu_layers <= layers:
        details = {"layers": step.gpu_layers, "total": layers + 1, "context": step.context}
        yield NoticeReported(NoticeCode.FEWER_GPU_LAYERS, details)
    if options.memory_lock and any(words in log.text() for words in _NOT_LOCKED_WORDS):
        yield NoticeReported(NoticeCode.MEMORY_NOT_LOCKED)
    for warning in relevant_warnings(log.warnings):
        details = {"model": load_request.model.path.name, "warning": warning.rstrip(".")}
        yield NoticeReported(NoticeCode.ENGINE_WARNING, details)


def _progress_reporter(report: Report) -> Callable[[float, object], bool]:
    last = -1.0

    def on_progress(fraction: float, _: object) -> bool:
        nonlocal last
        if last < 0:
            # The buffers are allocated now, and the weights are about to be written into them.
            request_huge_pages()
        if fraction - last >= _SMALLEST_PROGRESS or fraction >= 1:
            last = fraction
            report(Loading(fraction))
        return True

    return on_progress


def _load_error(load_request: LoadRequest) -> AppError:
    if any(words in log.text().lower() for words in _MEMORY_WORDS):
        return _out_of_memory(load_request)
    name = load_request.model.path.name
    return AppError(ErrorCode.MODEL_REJECTED, model=name, reason=log.reason())


def _out_of_memory(load_request: LoadRequest) -> AppError:
    name = load_request.model.path.name
    return AppError(ErrorCode.OUT_OF_MEMORY, model=name, context=load_request.context)
