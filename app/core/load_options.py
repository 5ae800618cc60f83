"""Load options of a model: chosen for all models, for one, or in a preset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from app.core.language import tr
from app.core.option_fields import form_hints

LARGEST_CONTEXT = 2**20
"""A million tokens; the few models that claim more take far more memory for it than PCs have."""
_LARGEST_BATCH = 2**16
MAX_THREADS = 1024
"""Far more than a machine has cores."""
_MAX_LAYERS = 1024
_MAX_DEVICES = 64

AUTOMATIC = "auto"
"""A flag's value that lets the program decide."""

FlashAttention = Literal["auto", "on", "off"]
MemoryMap = Literal["auto", "on", "off"]
CacheType = Literal["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "iq4_nl", "q4_1", "q4_0"]
"""Types of llama.cpp's KV cache (kv_cache_types in common/arg.cpp)."""
CACHE_TYPES: tuple[CacheType, ...] = get_args(CacheType)

_DEVICES = tr("GPU")
_CONTEXT = tr("Context")
_PROCESSOR = tr("CPU")
_MEMORY = tr("Memory")
_LABELS = {"auto": tr("Automatic"), "on": tr("On"), "off": tr("Off")}


class LoadOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Options for loading a model; None lets the program decide."""

    gpu_layers: Annotated[
        Annotated[int, Meta(ge=0, le=_MAX_LAYERS)] | None,
        form_hints(_DEVICES),
        Meta(
            title=tr("GPU layers"),
            description=tr(
                "Number of layers to offload to the GPU. Automatic offloads as many as fit."
            ),
        ),
    ] = None
    device_shares: Annotated[
        tuple[Annotated[float, Meta(ge=0, le=1000)], ...],
        form_hints(_DEVICES),
        Meta(
            max_length=_MAX_DEVICES,
            title=tr("Tensor split"),
            description=tr(
                "Share of layers per GPU, in the engine's order. Automatic splits by free memory."
            ),
        ),
    ] = ()
    experts_on_cpu: Annotated[
        Annotated[int, Meta(ge=0, le=_MAX_LAYERS)] | None,
        form_hints(_DEVICES),
        Meta(
            title=tr("MoE experts on CPU"),
            description=tr(
                "Number of layers whose experts stay in RAM, for mixture-of-experts models. "
                "Automatic keeps only those in RAM that don't fit on the GPU."
            ),
        ),
    ] = None
    kv_on_device: Annotated[
        bool,
        form_hints(_DEVICES),
        Meta(
            title=tr("KV cache on GPU"),
            description=tr(
                "Keep the KV cache of GPU layers on the GPU. Off keeps it in RAM: slower, but "
                "leaves room for more layers."
            ),
        ),
    ] = True
    cache_type_k: Annotated[
        CacheType,
        form_hints(_CONTEXT),
        Meta(
            title=tr("K cache type"),
            description=tr("Smaller types leave room for more context and cost a little quality."),
        ),
    ] = "f16"
    cache_type_v: Annotated[
        CacheType,
        form_hints(_CONTEXT),
        Meta(
            title=tr("V cache type"),
            description=tr("Types of 8 bits or less require flash attention."),
        ),
    ] = "f16"
    flash_attention: Annotated[
        FlashAttention,
        form_hints(_CONTEXT, labels=_LABELS),
        Meta(
            title=tr("Flash attention"),
            description=tr(
                "Computes attention faster and in less memory. Automatic uses it where the "
                "device supports it."
            ),
        ),
    ] = "auto"
    swa_full: Annotated[
        bool,
        form_hints(_CONTEXT),
        Meta(
            title=tr("Full SWA cache"),
            description=tr(
                "Layers with sliding-window attention (SWA) cache the whole conversation, so that "
                "the model can return to any part of it and continue when the context is full. "
                "Takes much more memory."
            ),
        ),
    ] = False
    context: Annotated[
        int,
        form_hints(_CONTEXT),
        Meta(
            ge=256,
            le=LARGEST_CONTEXT,
            title=tr("Context"),
            description=tr(
                "Number of tokens that the model can see at once. More takes more memory."
            ),
        ),
    ] = 4096
    batch: Annotated[
        int,
        form_hints(_PROCESSOR, step=32),
        Meta(
            ge=32,
            le=_LARGEST_BATCH,
            title=tr("Batch size"),
            description=tr("Number of prompt tokens submitted at once."),
        ),
    ] = 2048
    micro_batch: Annotated[
        int,
        form_hints(_PROCESSOR, step=32),
        Meta(
            ge=32,
            le=_LARGEST_BATCH,
            title=tr("Micro-batch size"),
            description=tr(
                "Number of those tokens computed at once. More reads prompts faster on GPUs but "
                "takes more memory."
            ),
        ),
    ] = 512
    threads: Annotated[
        Annotated[int, Meta(ge=1, le=MAX_THREADS)] | None,
        form_hints(_PROCESSOR),
        Meta(
            title=tr("Threads"),
            description=tr(
                "CPU threads for writing replies. Automatic uses one per physical core, and "
                "fewer while other programs need them."
            ),
        ),
    ] = None
    threads_batch: Annotated[
        Annotated[int, Meta(ge=1, le=MAX_THREADS)] | None,
        form_hints(_PROCESSOR),
        Meta(
            title=tr("Batch threads"),
            description=tr(
                "CPU threads for reading prompts. Automatic uses as many as for replies."
            ),
        ),
    ] = None
    memory_map: Annotated[
        MemoryMap,
        form_hints(_MEMORY, labels=_LABELS),
        Meta(
            title=tr("Memory mapping"),
            description=tr(
                "Map the file, so that the system can load, share and drop its pages as needed. "
                "Off reads all of it into memory. Automatic does so if that makes replies faster "
                "and leaves enough memory free."
            ),
        ),
    ] = "auto"
    memory_lock: Annotated[
        bool,
        form_hints(_MEMORY),
        Meta(
            title=tr("Lock in memory"),
            description=tr("Lock the weights in RAM, so that the system never swaps them out."),
        ),
    ] = False
    extra_buffers: Annotated[
        bool,
        form_hints(_MEMORY),
        Meta(
            title=tr("Repack weights"),
            description=tr("Keep a copy of the weights in the order that the CPU reads fastest."),
        ),
    ] = True


LOAD_FIELDS = LoadOptions.__struct_fields__
QUANTIZED_CACHE_TYPES = frozenset(CACHE_TYPES) - {"f32", "f16", "bf16"}
"""Types that values can have only with flash attention (llama_init_from_model)."""

LoadValue = float | bool | str | tuple[float, ...] | None
"""Type of a field of `LoadOptions`."""


def load_options_of(source: LoadOptions) -> LoadOptions:
    """Return only the load options of a value that may have more fields."""
    return LoadOptions(**{name: getattr(source, name) for name in LOAD_FIELDS})


def load_arguments_of(options: LoadOptions) -> list[str]:
    """Return the flags that load a model with these options regardless of the settings."""
    return arguments_of({name: getattr(options, name) for name in LOAD_FIELDS})


def arguments_of(values: Mapping[str, LoadValue]) -> list[str]:
    """Return the flags for these values of load options, keyed by field name."""
    return [word for name, value in values.items() for word in _words_of(flag_of(name), value)]


def flag_of(field: str) -> str:
    """Return the flag of a load option, such as `--gpu-layers`."""
    return f"--{field.replace('_', '-')}"


def _words_of(flag: str, value: LoadValue) -> list[str]:
    match value:
        case True:
            return [flag]
        case False:
            return [flag.replace("--", "--no-", 1)]
        case None | ():
            return [flag, AUTOMATIC]
        case tuple():
            return [flag, ",".join(_number(share) for share in value)]
    return [flag, str(value)]


def _number(share: float) -> str:
    return str(int(share)) if float(share).is_integer() else repr(share)
