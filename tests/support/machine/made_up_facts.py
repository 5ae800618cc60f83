"""Profiles of made-up models on made-up machines, as a child would report them."""

from __future__ import annotations

from itertools import product

import msgspec

from app.core.device_memory import PROCESSOR
from app.core.load_options import LoadOptions
from app.estimation.compute_buffers import LoadSample
from app.estimation.hardware import DeviceInfo, Hardware
from app.estimation.model_profile import LevelProfile, ModelProfile
from app.estimation.model_shape import ModelShape
from app.estimation.weights import Weights
from app.native.load_log import Cache

GB, MB = 10**9, 10**6
_CONTEXTS = (512, 4096, 32768, 131072)


def made_up_facts(
    *devices_gb: float,
    layers: int = 32,
    layer_gb: float = 0.14,
    experts: int = 0,
    trained: int = 32768,
    ram_gb: float = 32,
    is_causal: bool = True,
    **device_changes: bool,
) -> ModelProfile:
    """Return a model like a 7B at Q4_K_M; others use a quarter of each device and of RAM."""
    devices = tuple(
        DeviceInfo(
            f"CUDA{number}",
            "CUDA",
            "NVIDIA GeForce RTX 3070",
            round(gb * 0.75 * GB),
            round(gb * GB),
            **device_changes,
        )
        for number, gb in enumerate(devices_gb)
    )
    hardware = Hardware(8, 16, round(ram_gb * GB), round(ram_gb * 0.75 * GB), devices)
    layer_bytes = round(layer_gb * GB)
    weights = Weights(
        input_bytes=100 * MB,
        layer_bytes=(layer_bytes,) * layers,
        expert_bytes=(round(layer_bytes * 0.9) if experts else 0,) * layers,
        output_bytes=100 * MB,
        tied_bytes=0,
    )
    kv_bytes = 131072 * trained
    cache = Cache(
        cells=trained,
        size_bytes=kv_bytes,
        layers=tuple(range(layers)),
        devices=(PROCESSOR,) * layers,
        key_bytes=kv_bytes // 2,
        key_type="f16",
        value_bytes=kv_bytes // 2,
        value_type="f16",
    )
    shape = ModelShape(
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
        trained_context=trained,
    )
    size_bytes = sum(weights.layer_bytes) + 200 * MB
    return ModelProfile(
        hardware=hardware,
        shape=shape,
        is_causal=is_causal,
        largest_context=trained,
        levels=(LevelProfile("Q4_K_M", size_bytes, True, 4.89, weights),),
        caches=(cache,),
        samples=tuple(_samples(layers, trained, devices, has_experts=bool(experts))),
    )


def _samples(
    layers: int, trained: int, devices: tuple[DeviceInfo, ...], *, has_experts: bool
) -> list[LoadSample]:
    counts = [(0, 0)]
    if devices:
        counts += [((layers + 1) // 2, 0), (layers + 1, 0)]
        counts += [(layers + 1, layers)] if has_experts else []
    ways = ({}, {"cache_type_k": "q8_0", "cache_type_v": "q8_0"}, {"flash_attention": "off"},
            {"kv_on_device": False})  # fmt: skip
    contexts = sorted({context for context in _CONTEXTS if context < trained} | {trained})
    return [
        _sample(count, way, context, micro_batch, devices)
        for count, way, context, micro_batch in product(counts, ways, contexts, (512, 2048))
    ]


def _sample(
    count: tuple[int, int],
    way: dict[str, object],
    context: int,
    micro_batch: int,
    devices: tuple[DeviceInfo, ...],
) -> LoadSample:
    """Return compute memory, which grows with the context without flash attention."""
    layers, experts = count
    options = LoadOptions(
        gpu_layers=layers, experts_on_cpu=experts, context=context, micro_batch=micro_batch
    )
    options = msgspec.structs.replace(options, **way)
    scores = 64 * context * micro_batch if way.get("flash_attention") == "off" else context * 512
    size_bytes = micro_batch * 200_000 + scores
    compute = {PROCESSOR: size_bytes // 4 if layers else size_bytes}
    if layers:
        compute |= {device.name: size_bytes for device in devices}
    return LoadSample(options, compute)
