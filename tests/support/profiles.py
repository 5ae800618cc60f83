"""Profiles of made-up models on made-up machines, as `app.profiling` would collect them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

import msgspec

from app.core.device_memory import PROCESSOR
from app.core.levels import LEVELS, SPECIAL_LEVELS
from app.core.load_options import LoadOptions
from app.estimation.compute_buffers import LoadSample, effective_micro_batch
from app.estimation.hardware import DeviceInfo, Hardware
from app.estimation.model_profile import LevelProfile, ModelProfile
from app.estimation.model_shape import ModelShape
from app.estimation.rates import DeviceRates, MachineRates
from app.estimation.speed import TypedWeights
from app.estimation.weights import Weights
from app.native.load_log import Cache

GB, MB = 10**9, 10**6
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
_KV_BYTES_PER_LAYER = 4096
"""F16 keys and values of a token: 8 heads of 128 elements each."""
_CHANGES: tuple[dict[str, object], ...] = (
    {},
    {"cache_type_k": "q8_0", "cache_type_v": "q8_0"},
    {"flash_attention": "off"},
    {"kv_on_device": False},
)


def made_machine(
    *devices_gb: float,
    ram_gb: float = 32,
    free_part: float = 1.0,
    shares_memory: bool = False,
    cores: int = 8,
) -> Hardware:
    """A machine with this much memory in RAM and on each device; `free_part` of it is free."""
    devices = tuple(
        DeviceInfo(
            name=f"CUDA{number}",
            backend="CUDA",
            description="NVIDIA GeForce RTX 3070",
            free_bytes=round(gb * free_part * GB),
            total_bytes=round(gb * GB),
            shares_memory=shares_memory,
        )
        for number, gb in enumerate(devices_gb)
    )
    return Hardware(cores, 2 * cores, round(ram_gb * GB), round(ram_gb * free_part * GB), devices)


def checkpoint_profile(
    hardware: Hardware,
    *,
    parameters: float = 8e9,
    layers: int = 32,
    expert_part: float = 0.0,
    levels: Sequence[str] = USUAL_LEVELS,
    trained_context: int = 131072,
) -> ModelProfile:
    """All levels of a Llama with this many parameters; experts are `expert_part` of each layer."""
    return _profile(
        hardware,
        [_level(name, parameters, layers, expert_part) for name in levels],
        experts=64 if expert_part else 0,
        trained_context=trained_context,
    )


def file_profile(
    *devices_gb: float,
    layers: int = 32,
    layer_gb: float = 0.14,
    experts: int = 0,
    trained: int = 32768,
    ram_gb: float = 32,
    is_causal: bool = True,
    shares_memory: bool = False,
) -> ModelProfile:
    """A file like a 7B at Q4_K_M; other programs hold a quarter of each device and of RAM."""
    layer_bytes = round(layer_gb * GB)
    weights = Weights(
        input_bytes=100 * MB,
        layer_bytes=(layer_bytes,) * layers,
        expert_bytes=(round(layer_bytes * 0.9) if experts else 0,) * layers,
        output_bytes=100 * MB,
        tied_bytes=0,
    )
    size_bytes = sum(weights.layer_bytes) + 200 * MB
    return _profile(
        made_machine(*devices_gb, ram_gb=ram_gb, free_part=0.75, shares_memory=shares_memory),
        [LevelProfile("Q4_K_M", size_bytes, True, BITS["Q4_K_M"], weights)],
        experts=experts,
        trained_context=trained,
        is_causal=is_causal,
    )


def with_rates(profile: ModelProfile, *, is_disturbed: bool = False) -> ModelProfile:
    """The profile, all of its weights in Q4_K, with rates; a device is ten times as fast."""
    rates = DeviceRates(
        generation={"Q4_K": 8e9},
        prompt={"Q4_K": 100e9},
        attention=1e9,
        prompt_attention=5e9,
        bandwidth=20e9,
        token_seconds=1e-4,
        layer_seconds=1e-5,
        element_seconds=1e-9,
    )
    rates = rates.as_disturbed() if is_disturbed else rates
    faster = replace(rates, generation={"Q4_K": 80e9}, prompt={"Q4_K": 1000e9})
    devices = {device.name: faster for device in profile.hardware.devices}
    return replace(
        profile,
        levels=tuple(replace(level, typed=_typed(level)) for level in profile.levels),
        rates=MachineRates(2, {PROCESSOR: rates, **devices}),
    )


def _typed(level: LevelProfile) -> TypedWeights:
    weights = level.weights
    assert weights is not None
    return TypedWeights(
        layers=tuple({"Q4_K": size} for size in weights.layer_bytes),
        experts=tuple({"Q4_K": size} for size in weights.expert_bytes),
        output={"Q4_K": weights.output_bytes},
    )


def _profile(
    hardware: Hardware,
    levels: Sequence[LevelProfile],
    *,
    experts: int,
    trained_context: int,
    is_causal: bool = True,
) -> ModelProfile:
    layers = levels[0].weights.layers if levels[0].weights else 0
    return ModelProfile(
        hardware=hardware,
        shape=_shape(layers, experts, trained_context),
        is_causal=is_causal,
        largest_context=trained_context,
        levels=tuple(levels),
        caches=(_cache(layers, trained_context),),
        samples=tuple(_samples(hardware, layers, trained_context, has_experts=experts > 0)),
    )


def _shape(layers: int, experts: int, trained_context: int) -> ModelShape:
    return ModelShape(
        architecture="qwen3moe" if experts else "llama",
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
        experts_used=min(experts, 8),
        vocabulary=128_256,
        trained_context=trained_context,
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
    size_bytes = context * layers * _KV_BYTES_PER_LAYER
    return Cache(
        cells=context,
        size_bytes=size_bytes,
        layers=tuple(range(layers)),
        devices=(PROCESSOR,) * layers,
        key_type="f16",
        value_type="f16",
        key_bytes=size_bytes // 2,
        value_bytes=size_bytes // 2,
    )


def _samples(
    hardware: Hardware, layers: int, largest: int, *, has_experts: bool
) -> Iterator[LoadSample]:
    whole = layers + 1
    counts = [(0, 0)]
    if hardware.devices:
        counts += [(whole // 2, 0), (whole, 0)]
        counts += [(whole, layers)] if has_experts else []
    contexts = sorted({*(context for context in _CONTEXTS if context <= largest), largest})
    for count, changes, context, tokens in product(counts, _CHANGES, contexts, (512, 2048)):
        yield _sample(count, changes, context, tokens, hardware.devices)


def _sample(
    count: tuple[int, int],
    changes: dict[str, object],
    context: int,
    micro_batch: int,
    devices: tuple[DeviceInfo, ...],
) -> LoadSample:
    """Buffers that grow with the context and the tokens computed at once."""
    layers, experts = count
    options = LoadOptions(
        gpu_layers=layers, experts_on_cpu=experts, context=context, micro_batch=micro_batch
    )
    options = msgspec.structs.replace(options, **changes)
    cells = context * effective_micro_batch(options)
    compute = {PROCESSOR: 20 * 2**20 + (cells // 4 if layers else cells)}
    if layers:
        compute |= {device.name: 260 * 2**20 + cells // 2 for device in devices}
    return LoadSample(options, compute)
