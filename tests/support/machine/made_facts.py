"""Profiles of made-up models and machines, as a survey would collect them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import msgspec

from app.core.levels import LEVELS, SPECIAL_LEVELS
from app.core.load_options import LoadOptions
from app.estimation.compute_buffers import LoadSample, effective_micro_batch
from app.estimation.hardware import DeviceInfo, Hardware
from app.estimation.model_profile import LevelProfile, ModelProfile
from app.estimation.model_shape import ModelShape
from app.estimation.weights import Weights
from app.native.load_log import PROCESSOR, Cache

GB = 10**9
USUAL_LEVELS = tuple(level.name for level in LEVELS)
ALL_LEVELS = tuple(level.name for level in (*SPECIAL_LEVELS, *LEVELS))
BITS = {
    "IQ1_S": 1.8, "IQ1_M": 2.0, "IQ2_XXS": 2.3, "IQ2_XS": 2.5, "IQ2_S": 2.7, "IQ2_M": 2.9,
    "Q2_K_S": 2.97, "IQ3_XXS": 3.2, "IQ3_XS": 3.5, "IQ3_S": 3.6, "IQ3_M": 3.75, "Q2_K": 3.16,
    "Q3_K_S": 3.64, "Q3_K_M": 4.0, "Q3_K_L": 4.3, "IQ4_XS": 4.45, "IQ4_NL": 4.68, "Q4_0": 4.66,
    "Q4_1": 5.12, "Q4_K_S": 4.67, "Q4_K_M": 4.89, "Q5_0": 5.6, "Q5_1": 6.06, "Q5_K_S": 5.57,
    "Q5_K_M": 5.7, "Q6_K": 6.56, "Q8_0": 8.5, "F16": 16.0, "BF16": 16.0, "F32": 32.0,
}  # fmt: skip
_CONTEXTS = (512, 2048, 4096, 8192, 32768, 131072)


def made_machine(
    *devices_gb: float, ram_gb: float = 32, shares_memory: bool = False, cores: int = 8
) -> Hardware:
    """Return a machine with this much free memory in RAM and on each device."""
    devices = tuple(
        DeviceInfo(
            name=f"CUDA{number}",
            backend="CUDA",
            description=f"Card {number}",
            free_bytes=round(gb * GB),
            total_bytes=round(gb * GB),
            shares_memory=shares_memory,
        )
        for number, gb in enumerate(devices_gb)
    )
    return Hardware(cores, 2 * cores, round(ram_gb * GB), round(ram_gb * GB), devices)


def made_facts(
    hardware: Hardware,
    *,
    parameters: float = 8e9,
    layers: int = 32,
    expert_part: float = 0.0,
    levels: Sequence[str] = USUAL_LEVELS,
    trained_context: int = 131072,
) -> ModelProfile:
    """Return a profile of a Llama; `expert_part` of each layer's parameters are in experts."""
    experts = 64 if expert_part else 0
    shape = ModelShape(
        architecture="llama",
        layers=layers,
        width=4096,
        heads=32,
        kv_heads=(8,) * layers,
        key_length=128,
        value_length=128,
        window=0,
        state_width=0,
        state_size=0,
        experts=experts,
        experts_used=experts // 8,
        vocabulary=128256,
        trained_context=trained_context,
    )
    return ModelProfile(
        hardware=hardware,
        shape=shape,
        is_causal=True,
        largest_context=trained_context,
        levels=tuple(_level(name, parameters, layers, expert_part) for name in levels),
        caches=(_cache(layers, trained_context),),
        samples=tuple(_samples(hardware, layers, trained_context, has_experts=experts > 0)),
    )


def _level(name: str, parameters: float, layers: int, expert_part: float) -> LevelProfile:
    size = round(parameters * BITS[name] / 8)
    edge = size // 16
    layer = (size - 2 * edge) // layers
    weights = Weights(
        input_bytes=edge,
        layer_bytes=(layer,) * layers,
        expert_bytes=(round(layer * expert_part),) * layers,
        output_bytes=edge,
        tied_bytes=0,
    )
    return LevelProfile(name, size, is_exact=True, bits_per_weight=BITS[name], weights=weights)


def _cache(layers: int, context: int) -> Cache:
    half = context * layers * 8 * 128 * 2
    return Cache(
        cells=context,
        size_bytes=2 * half,
        layers=tuple(range(layers)),
        devices=(PROCESSOR,) * layers,
        key_type="f16",
        value_type="f16",
        key_bytes=half,
        value_bytes=half,
    )


def _samples(
    hardware: Hardware, layers: int, largest: int, *, has_experts: bool
) -> Iterable[LoadSample]:
    """Yield the loads of a wide survey."""
    whole = layers + 1
    starts = [(0, 0)]
    if hardware.devices:
        starts += [(max(1, whole // 2), 0), (whole, 0)]
        starts += [(whole, layers)] if has_experts else []
    contexts = sorted({*(context for context in _CONTEXTS if context <= largest), largest})
    for (count, experts), context, changes in itertools.product(starts, contexts, _changes()):
        load = LoadOptions(gpu_layers=count, experts_on_cpu=experts, context=context)
        load = msgspec.structs.replace(load, **changes)
        tokens = effective_micro_batch(load)
        on_processor = 2**20 * 20 + context * tokens // 4
        devices = hardware.devices if count else ()
        buffers = {device.name: 2**20 * 260 + context * tokens // 2 for device in devices}
        yield LoadSample(load, {PROCESSOR: on_processor, **buffers})


def _changes() -> Iterable[dict[str, object]]:
    yield {"micro_batch": 512}
    yield {"micro_batch": 2048}
    yield {"cache_type_k": "f16", "cache_type_v": "f16"}
    yield {"cache_type_k": "q8_0", "cache_type_v": "q8_0"}
    yield {"flash_attention": "off"}
    yield {"kv_on_device": False}
