"""How fast a model will read and write: predicted from its weights and a machine's rates.

The roofline model (Williams, Waterman, Patterson: "Roofline: an insightful visual performance
model for multicore architectures", 2009): what is slower, memory or arithmetic, decides. For one
token all weights that it meets come from memory once, so a step takes their bytes over the rate at
which the device multiplies with their type; where a type takes long to unpack, as the small ones
do on processors (ggml/src/ggml-cpu/quants.c), that rate is below the memory's. A prompt, which
uses what came from memory for hundreds of tokens, is bound by arithmetic.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.estimation.facts import ModelShape
from app.estimation.fit import Plan
from app.estimation.memory import EMBEDDING, PROCESSOR, has_tied_output, part_of
from app.estimation.rates import MATRIX_TYPES, DeviceRates, MachineRates
from app.estimation.trial_log import LoadLog
from app.library.tensor_types import TENSOR_TYPES

PROMPT_TOKENS = 512
"""The prompt that a prediction is for, as in llama-bench's test pp512."""

_BY_NAME = {tensor_type.name: tensor_type for tensor_type in TENSOR_TYPES.values()}


@dataclass(frozen=True)
class SpeedPrediction:
    """Tokens per second while a prompt of 512 tokens is read and while a reply is written.

    `is_corrected` tells that this machine's real speeds had a say.
    """

    prompt_tokens_per_second: float
    generation_tokens_per_second: float
    is_corrected: bool = False


@dataclass(frozen=True)
class Correction:
    """What real speeds were of those predicted: the median ratios; 1 where none is known."""

    prompt: float = 1.0
    generation: float = 1.0


NO_CORRECTION = Correction()


@dataclass(frozen=True)
class TypedWeights:
    """The bytes of a model's weights by their type: of each layer, its experts, and the output.

    `layers` are without the experts. Of the input a token reads a single row, which is nothing.
    """

    layers: tuple[dict[str, int], ...]
    experts: tuple[dict[str, int], ...]
    output: dict[str, int]

    @property
    def types(self) -> set[str]:
        """All types that products are made with."""
        return set().union(*self.layers, *self.experts, self.output)


@dataclass(frozen=True)
class Placement:
    """Where a model lies: the device of each layer, the output's last.

    The experts of the first `experts_on_cpu` layers stay with the processor, and without
    `kv_on_device` all keys and values do.
    """

    layer_devices: tuple[str, ...]
    experts_on_cpu: int = 0
    kv_on_device: bool = True


def typed_weights(
    sizes: Mapping[str, int], types: Mapping[str, str], load: LoadLog
) -> TypedWeights:
    """The weights that a load takes, of tensors of these sizes in bytes and these types."""
    layers = len(load.layer_devices) - 1
    of_layers: list[Counter[str]] = [Counter() for _ in range(layers)]
    of_experts: list[Counter[str]] = [Counter() for _ in range(layers)]
    output: Counter[str] = Counter()
    for name in sizes.keys() & set(load.asked_tensors):
        part = part_of(name, layers)
        if part.is_input or types[name] not in MATRIX_TYPES:
            continue
        if part.layer is None:
            output[types[name]] += sizes[name]
        else:
            of_part = of_experts if part.is_expert else of_layers
            of_part[part.layer][types[name]] += sizes[name]
    if has_tied_output(load) and EMBEDDING in sizes:
        output[types[EMBEDDING]] += sizes[EMBEDDING]
    return TypedWeights(
        layers=tuple(map(dict, of_layers)),
        experts=tuple(map(dict, of_experts)),
        output=dict(output),
    )


def placement_of(plan: Plan, layers: int) -> Placement:
    """Where a plan lays a model with so many layers, the output not among them."""
    on_devices = [name for name, count in plan.layers.items() for _ in range(count)]
    on_processor = [PROCESSOR] * (layers + 1 - len(on_devices))
    return Placement((*on_processor, *on_devices), plan.experts_on_cpu, plan.kv_on_device)


def predict_speed(
    weights: TypedWeights,
    shape: ModelShape,
    placement: Placement,
    rates: MachineRates,
    *,
    cache: Mapping[int, int] | None = None,
    cache_type: str = "f16",
    correction: Correction = NO_CORRECTION,
) -> SpeedPrediction | None:
    """Predict how fast a model reads 512 tokens into an empty context, and then writes.

    Devices work one after the other. Operations that the weights don't show, such as the scans of
    recurrent layers, are not counted, nor is the moving of weights to a device for a prompt.

    Args:
        weights: of the level in question.
        shape: of the model.
        placement: with as many layers as the weights have, and the output.
        rates: of this machine.
        cache: the bytes of keys and values by layer that a token looks at when it is written, as
            `app.estimation.memory.cache_bytes` gives them for a context filled so far.
        cache_type: what they are kept in.
        correction: from this machine's real speeds.

    Returns:
        None when a rate that is needed is not known or 0.
    """
    used = _Used(weights, shape, placement)
    writing = _sum(_generation_seconds(used, rates, cache or {}, cache_type))
    reading = _sum(_prompt_seconds(used, rates))
    if not writing or not reading:
        return None
    return SpeedPrediction(
        prompt_tokens_per_second=PROMPT_TOKENS / reading * correction.prompt,
        generation_tokens_per_second=correction.generation / writing,
        is_corrected=correction != NO_CORRECTION,
    )


@dataclass(frozen=True)
class _Used:
    """What a token uses of a model, and where."""

    weights: TypedWeights
    shape: ModelShape
    placement: Placement

    @property
    def devices(self) -> set[str]:
        """All that work, the processor always."""
        return {PROCESSOR, *self.placement.layer_devices}

    def layers_on(self, device: str) -> int:
        return self.placement.layer_devices[:-1].count(device)

    def bytes_on(self, device: str, *, is_prompt: bool = False) -> Counter[str]:
        """The bytes of weights by type that a token is multiplied with on a device.

        Of the experts only those that are used; the output only for the last token of a prompt.
        """
        found: Counter[str] = Counter()
        *layers, output = self.placement.layer_devices
        for layer, place in enumerate(layers):
            if place == device:
                found.update(self.weights.layers[layer])
            is_moved = layer < self.placement.experts_on_cpu
            if (PROCESSOR if is_moved else place) == device:
                share = self._experts_share
                for name, size_bytes in self.weights.experts[layer].items():
                    found[name] += round(size_bytes * share)
        if output == device and not is_prompt:
            found.update(self.weights.output)
        return found

    def cache_place(self, layer: int) -> str:
        on_device = self.placement.kv_on_device
        return self.placement.layer_devices[layer] if on_device else PROCESSOR

    def heads_per_kv_head(self, layer: int) -> float:
        """How many heads read the same keys and values."""
        kv_heads = self.shape.kv_heads[layer] if layer < len(self.shape.kv_heads) else 0
        return self.shape.heads / kv_heads if kv_heads > 0 else 1.0

    @property
    def _experts_share(self) -> float:
        shape = self.shape
        return shape.experts_used / shape.experts if shape.experts and shape.experts_used else 1.0


def _generation_seconds(
    used: _Used, rates: MachineRates, cache: Mapping[int, int], cache_type: str
) -> Iterator[float | None]:
    for device in used.devices:
        of_device = rates.devices.get(device, DeviceRates())
        yield of_device.token_seconds
        yield _times(used.layers_on(device), of_device.layer_seconds)
        for name, size_bytes in used.bytes_on(device).items():
            yield _quotient(size_bytes, of_device.generation.get(name))
    element_bytes = _element_bytes(cache_type)
    for layer, size_bytes in cache.items():
        of_device = rates.devices.get(used.cache_place(layer), DeviceRates())
        elements = size_bytes / element_bytes * used.heads_per_kv_head(layer)
        arithmetic = _quotient(elements, of_device.attention)
        memory = _quotient(size_bytes, of_device.bandwidth)
        yield None if arithmetic is None or memory is None else max(arithmetic, memory)


def _prompt_seconds(used: _Used, rates: MachineRates) -> Iterator[float | None]:
    for device in used.devices:
        of_device = rates.devices.get(device, DeviceRates())
        layers = used.layers_on(device)
        yield of_device.token_seconds
        yield _times(PROMPT_TOKENS * used.shape.width * layers, of_device.element_seconds)
        for name, size_bytes in used.bytes_on(device, is_prompt=True).items():
            operations = 2 * PROMPT_TOKENS * size_bytes / _element_bytes(name)
            yield _quotient(operations, of_device.prompt.get(name))
        yield _quotient(_prompt_elements(used, device), of_device.prompt_attention)


def _prompt_elements(used: _Used, device: str) -> float:
    """The elements of keys and values that the heads of a device's layers read for a prompt."""
    shape = used.shape
    attending = [
        layer
        for layer, kv_heads in enumerate(shape.kv_heads)
        if kv_heads and layer < len(used.weights.layers) and used.cache_place(layer) == device
    ]
    window = min(shape.window or PROMPT_TOKENS, PROMPT_TOKENS)
    return len(attending) * shape.heads * (shape.key_length + shape.value_length) * _pairs(window)


def _pairs(window: int) -> int:
    """How often a token of the prompt sees one before it, or itself, through a window."""
    return window * (window + 1) // 2 + (PROMPT_TOKENS - window) * window


def _element_bytes(type_name: str) -> float:
    tensor_type = _BY_NAME[type_name.upper()]
    return tensor_type.block_bytes / tensor_type.block_size


def _times(count: int, seconds: float | None) -> float | None:
    return 0.0 if count == 0 else None if seconds is None else count * seconds


def _quotient(amount: float, rate: float | None) -> float | None:
    """The seconds for an amount; None when there is some and no rate for it."""
    return 0.0 if amount == 0 else amount / rate if rate else None


def _sum(seconds: Iterator[float | None]) -> float | None:
    total = 0.0
    for part in seconds:
        if part is None:
            return None
        total += part
    return total
