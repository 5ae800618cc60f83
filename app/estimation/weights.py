"""Divide the weights of a model into input, layers, experts and output."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from app.gguf_file.tensor_names import EMBEDDING
from app.native.load_log import LoadLog

_INPUTS = frozenset(
    {
        EMBEDDING,
        "position_embd.weight",
        "token_types.weight",
        "per_layer_token_embd.weight",
        "masked_embd_centroids.weight",
        "masked_embd_ordering.weight",
    }
)
"""Tensors that llama.cpp leaves on the processor (LLM_TENSOR_LAYER_INPUT, src/llama-arch.cpp)."""
_OF_LAYER = re.compile(r"blk\.(\d+)\.(.*)")
_EXPERTS = re.compile(r"ffn_(up|down|gate|gate_up)_(ch|)exps")
"""The pattern of llama.cpp's --cpu-moe (common/common.h)."""


@dataclass(frozen=True)
class Weights:
    """The weights of a model in bytes: of the input, each layer, and the output.

    `expert_bytes` is the part of each layer that its experts take. `tied_bytes` is the part of the
    input that is copied for an output on a device.
    """

    input_bytes: int
    layer_bytes: tuple[int, ...]
    expert_bytes: tuple[int, ...]
    output_bytes: int
    tied_bytes: int

    @property
    def layers(self) -> int:
        """The number of layers without the output."""
        return len(self.layer_bytes)

    @cached_property
    def _layers_before(self) -> tuple[int, ...]:
        return tuple(accumulate(self.layer_bytes, initial=0))

    @cached_property
    def _experts_before(self) -> tuple[int, ...]:
        return tuple(accumulate(self.expert_bytes, initial=0))

    def span_bytes(self, first: int, end: int, experts_on_cpu: int = 0) -> int:
        """Return a device's bytes of layers `first` up to but excluding `end`; the output is last.

        The experts of the first `experts_on_cpu` layers don't count.
        """
        last = min(end, self.layers)
        experts = self._experts_before[min(last, max(experts_on_cpu, first))]
        size_bytes = self._layers_before[last] - self._layers_before[first]
        size_bytes -= experts - self._experts_before[first]
        if end > self.layers:
            size_bytes += self.output_bytes + self.tied_bytes
        return size_bytes

    def rest_bytes(self, first: int | None, experts_on_cpu: int = 0) -> int:
        """Return the bytes left in RAM with layers from `first` on devices (None: no layers)."""
        if first is None:
            return self.input_bytes + self._layers_before[-1] + self.output_bytes
        before = self.input_bytes + self._layers_before[first]
        experts = self._experts_before[max(experts_on_cpu, first)] - self._experts_before[first]
        return before + experts


@dataclass(frozen=True)
class TensorRole:
    """The part of a model a tensor is in: input, a layer (possibly its experts), or output."""

    layer: int | None = None
    is_expert: bool = False
    is_input: bool = False


def weights_of(sizes: Mapping[str, int], load: LoadLog) -> Weights:
    """Return the weights that a load reads from a file with tensors of these `sizes` in bytes."""
    layers = len(load.layer_devices) - 1
    layer_bytes, expert_bytes = [0] * layers, [0] * layers
    input_bytes = output_bytes = 0
    for name in sizes.keys() & set(load.asked_tensors):
        part = role_of(name, layers)
        if part.layer is not None:
            layer_bytes[part.layer] += sizes[name]
            expert_bytes[part.layer] += sizes[name] if part.is_expert else 0
        elif part.is_input:
            input_bytes += sizes[name]
        else:
            output_bytes += sizes[name]
    is_tied = has_tied_output(load)
    return Weights(
        input_bytes=input_bytes,
        layer_bytes=tuple(layer_bytes),
        expert_bytes=tuple(expert_bytes),
        output_bytes=output_bytes,
        tied_bytes=sizes.get(EMBEDDING, 0) if is_tied else 0,
    )


def role_of(name: str, layers: int) -> TensorRole:
    """Return the role of the tensor `name` in a model with this many layers."""
    place = _OF_LAYER.match(name)
    if place and int(place[1]) < layers:
        return TensorRole(layer=int(place[1]), is_expert=bool(_EXPERTS.match(place[2])))
    return TensorRole(is_input=name in _INPUTS)


def has_tied_output(load: LoadLog) -> bool:
    """Return whether the output is the embedding: llama.cpp then requests that tensor twice."""
    return load.asked_tensors.count(EMBEDDING) > 1
