"""Which memory a load takes on each device: weights, caches, compute buffers."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.estimation.trial_log import Cache, LoadLog

PROCESSOR = "CPU"
"""llama.cpp's name for the processor as a device; its memory is the machine's."""
CONTEXT_STEP = 256
"""llama.cpp rounds contexts up to this many tokens (llama_context in src/llama-context.cpp)."""

_EMBEDDING = "token_embd.weight"
_INPUTS = frozenset(
    {
        _EMBEDDING,
        "position_embd.weight",
        "token_types.weight",
        "per_layer_token_embd.weight",
        "masked_embd_centroids.weight",
        "masked_embd_ordering.weight",
    }
)
"""What llama.cpp always leaves to the processor (LLM_TENSOR_LAYER_INPUT in src/llama-arch.cpp)."""
_OF_LAYER = re.compile(r"blk\.(\d+)\.(.*)")
_EXPERTS = re.compile(r"ffn_(up|down|gate|gate_up)_(ch|)exps")
"""As llama.cpp's own --cpu-moe has it (common/common.h)."""


@dataclass(frozen=True)
class DeviceMemory:
    """What a load takes on one device, in bytes."""

    weights_bytes: int
    kv_bytes: int
    compute_bytes: int

    @property
    def total_bytes(self) -> int:
        """All of it."""
        return self.weights_bytes + self.kv_bytes + self.compute_bytes


@dataclass(frozen=True)
class Weights:
    """The weights of a model in bytes: of the input, each layer, and the output.

    `expert_bytes` is the part of each layer that its experts take. `tied_bytes` is the part of the
    input that the output needs a copy of where it lies on a device.
    """

    input_bytes: int
    layer_bytes: tuple[int, ...]
    expert_bytes: tuple[int, ...]
    output_bytes: int
    tied_bytes: int

    def by_device(self, layer_devices: Sequence[str], experts_on_cpu: int = 0) -> dict[str, int]:
        """The bytes on each device when layers and, last, the output lie there.

        The experts of the first `experts_on_cpu` layers stay with the processor.
        """
        placed: Counter[str] = Counter({PROCESSOR: self.input_bytes})
        *repeating, output = layer_devices
        for layer, device in enumerate(repeating):
            experts = self.expert_bytes[layer] if layer < experts_on_cpu else 0
            placed[device] += self.layer_bytes[layer] - experts
            placed[PROCESSOR] += experts
        placed[output] += self.output_bytes
        if output != PROCESSOR:
            placed[output] += self.tied_bytes
        return dict(placed)


def weights_of(sizes: Mapping[str, int], load: LoadLog) -> Weights:
    """The weights that a load takes from a file with tensors of these `sizes` in bytes."""
    layers = len(load.layer_devices) - 1
    layer_bytes, expert_bytes = [0] * layers, [0] * layers
    input_bytes = output_bytes = 0
    for name in sizes.keys() & set(load.asked_tensors):
        place = _OF_LAYER.match(name)
        if place and int(place[1]) < layers:
            layer_bytes[int(place[1])] += sizes[name]
            expert_bytes[int(place[1])] += sizes[name] if _EXPERTS.match(place[2]) else 0
        elif name in _INPUTS:
            input_bytes += sizes[name]
        else:
            output_bytes += sizes[name]
    # The output of a model without an output matrix asks for the embedding once more.
    is_tied = load.asked_tensors.count(_EMBEDDING) > 1
    return Weights(
        input_bytes=input_bytes,
        layer_bytes=tuple(layer_bytes),
        expert_bytes=tuple(expert_bytes),
        output_bytes=output_bytes,
        tied_bytes=sizes.get(_EMBEDDING, 0) if is_tied else 0,
    )


def cache_bytes(caches: Iterable[Cache], kv_heads: Sequence[int], context: int) -> Counter[int]:
    """The bytes that the caches of each layer would take for `context` tokens, by its number.

    Right up to the context that the caches were measured at. A cache's layers share it by their
    `kv_heads`, evenly where not all of them have some.
    """
    by_layer: Counter[int] = Counter()
    for cache in caches:
        heads = [kv_heads[layer] if layer < len(kv_heads) else 1 for layer in cache.layers]
        if min(heads, default=1) <= 0:
            heads = [1] * len(heads)
        cells = min(cache.cells, _padded(context))
        size_bytes = cache.size_bytes * cells / cache.cells
        for layer, count in zip(cache.layers, heads, strict=True):
            by_layer[layer] += round(size_bytes * count / sum(heads))
    return by_layer


def by_device(buffers: Mapping[str, int], devices: Iterable[str]) -> dict[str, int]:
    """Sizes by the device whose name a buffer's begins with; without one it is the machine's."""
    known = sorted(set(devices) - {PROCESSOR}, key=len, reverse=True)
    sizes: Counter[str] = Counter()
    for buffer, size_bytes in buffers.items():
        sizes[next((name for name in known if buffer.startswith(name)), PROCESSOR)] += size_bytes
    return dict(sizes)


def _padded(context: int) -> int:
    return math.ceil(context / CONTEXT_STEP) * CONTEXT_STEP
