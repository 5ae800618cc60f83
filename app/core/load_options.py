"""How a model is loaded: what a person can choose for all models, for one, or in a preset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

_LARGEST_CONTEXT = 2**24
_LARGEST_BATCH = 2**16
_MOST_THREADS = 1024
_MOST_LAYERS = 1024
_MOST_DEVICES = 64

AUTOMATIC = "auto"
"""How a flag says that the program decides."""

FlashAttention = Literal["auto", "on", "off"]
MemoryMap = Literal["auto", "on", "off"]
CacheType = Literal["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "iq4_nl", "q4_1", "q4_0"]
"""The types that llama.cpp keeps keys and values in (kv_cache_types in common/arg.cpp)."""
CACHE_TYPES: tuple[CacheType, ...] = get_args(CacheType)


class LoadOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a model is loaded; None means that the program decides."""

    gpu_layers: Annotated[
        Annotated[int, Meta(ge=0, le=_MOST_LAYERS)] | None,
        Meta(
            title="GPU layers",
            description="How many layers of the model lie on the graphics card. "
            "Automatic puts as many there as fit.",
        ),
    ] = None
    device_shares: Annotated[
        tuple[Annotated[float, Meta(ge=0, le=1000)], ...],
        Meta(
            max_length=_MOST_DEVICES,
            title="Split over devices",
            description="Which part of those layers each device takes, in the engine's order. "
            "Automatic goes by their free memory.",
        ),
    ] = ()
    experts_on_cpu: Annotated[
        Annotated[int, Meta(ge=0, le=_MOST_LAYERS)] | None,
        Meta(
            title="Experts on the processor",
            description="For how many layers of a mixture-of-experts model the experts stay in "
            "RAM. Automatic moves only those that don't fit.",
        ),
    ] = None
    kv_on_device: Annotated[
        bool,
        Meta(
            title="Keys and values on the device",
            description="Those of a layer lie where the layer lies; else all of them in RAM, "
            "which is slower and leaves room for layers.",
        ),
    ] = True
    cache_type_k: Annotated[
        CacheType,
        Meta(
            title="Type of keys",
            description="Smaller types leave room for more context and cost a little quality.",
        ),
    ] = "f16"
    cache_type_v: Annotated[
        CacheType,
        Meta(
            title="Type of values",
            description="Types of 8 bits and less need flash attention.",
        ),
    ] = "f16"
    flash_attention: Annotated[
        FlashAttention,
        Meta(
            title="Flash attention",
            description="A faster way to compute attention that needs less memory. "
            "Automatic uses it where the device can.",
        ),
    ] = "auto"
    swa_full: Annotated[
        bool,
        Meta(
            title="Whole sliding windows",
            description="Layers that see a window of the conversation alone keep all of it, so "
            "that replies can go back to any part of it, and go on when the context is full. "
            "Takes much more memory.",
        ),
    ] = False
    context: Annotated[
        int,
        Meta(
            ge=256,
            le=_LARGEST_CONTEXT,
            title="Context",
            description="How many tokens of the conversation the model sees. "
            "More needs more memory.",
        ),
    ] = 4096
    batch: Annotated[
        int,
        Meta(
            ge=32,
            le=_LARGEST_BATCH,
            title="Batch",
            description="How many tokens of a prompt are handed over at once.",
        ),
    ] = 2048
    micro_batch: Annotated[
        int,
        Meta(
            ge=32,
            le=_LARGEST_BATCH,
            title="Micro-batch",
            description="How many of them are computed at once; more reads a prompt faster on "
            "graphics cards and needs more memory.",
        ),
    ] = 512
    threads: Annotated[
        Annotated[int, Meta(ge=1, le=_MOST_THREADS)] | None,
        Meta(
            title="Threads",
            description="Processor threads while a reply is written. "
            "Automatic takes one for each physical core, and fewer while other programs need them.",
        ),
    ] = None
    threads_batch: Annotated[
        Annotated[int, Meta(ge=1, le=_MOST_THREADS)] | None,
        Meta(
            title="Batch threads",
            description="Processor threads while the prompt is read. "
            "Automatic takes as many as while a reply is written.",
        ),
    ] = None
    memory_map: Annotated[
        MemoryMap,
        Meta(
            title="Memory map",
            description="Read the file's pages as they are needed, so that the system can share "
            "and drop them; else the whole file is read into memory. Automatic reads it where "
            "that makes replies faster and leaves enough memory free.",
        ),
    ] = "auto"
    memory_lock: Annotated[
        bool,
        Meta(
            title="Memory lock",
            description="Keep the weights in RAM, so that the system never swaps them out.",
        ),
    ] = False
    extra_buffers: Annotated[
        bool,
        Meta(
            title="Repacked weights",
            description="Keep a copy of weights in the order that the processor reads fastest.",
        ),
    ] = True


LOAD_FIELDS = LoadOptions.__struct_fields__
QUANTIZED_CACHE_TYPES = frozenset(CACHE_TYPES) - {"f32", "f16", "bf16"}
"""Those that values can only be kept in with flash attention (llama_init_from_model)."""

LoadValue = float | bool | str | tuple[float, ...] | None
"""What a field of `LoadOptions` can hold."""


def load_options_of(source: LoadOptions) -> LoadOptions:
    """The load options alone, of a value that may hold more."""
    return LoadOptions(**{name: getattr(source, name) for name in LOAD_FIELDS})


def load_arguments_of(options: LoadOptions) -> list[str]:
    """The flags that load a model with these options, whatever the settings are."""
    return arguments_of({name: getattr(options, name) for name in LOAD_FIELDS})


def arguments_of(values: Mapping[str, LoadValue]) -> list[str]:
    """The flags that say these load options, by the names of their fields, and no others."""
    return [word for name, value in values.items() for word in _words_of(flag_of(name), value)]


def flag_of(field: str) -> str:
    """The flag of a load option, such as `--gpu-layers`."""
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
