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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

from app.core.device_memory import PROCESSOR
from app.estimation.kv_cache import SizedCache
from app.estimation.model_shape import ModelShape
from app.estimation.placement import Placement, Span
from app.estimation.rates import COSTS, MATRIX_TYPES, DeviceRates, MachineRates
from app.estimation.weights import EMBEDDING, has_tied_output, role_of
from app.gguf_file.tensor_types import TENSOR_TYPES
from app.native.load_log import LoadLog

PROMPT_TOKENS = 512
"""The prompt that a prediction is for, as in llama-bench's test pp512."""
WRITTEN_TOKENS = 256
"""The context that a token is predicted for: llama.cpp goes through its cells in steps of 256."""

_ELEMENT_BYTES = {kind.name: kind.block_bytes / kind.block_size for kind in TENSOR_TYPES.values()}


@dataclass(frozen=True)
class PredictedSpeed:
    """Predicted tokens per second: while a prompt of 512 tokens is read, while a reply is written.

    `is_corrected` tells that this machine's real speeds had a say, `is_disturbed` that rates which
    it is predicted from were measured beside other work.
    """

    prompt_tokens_per_second: float
    generation_tokens_per_second: float
    is_corrected: bool = False
    is_disturbed: bool = False


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

    @cached_property
    def layers_before(self) -> dict[str, tuple[int, ...]]:
        """By type what all layers before each one have, and at the end all of them."""
        return _before(self.layers)

    @cached_property
    def experts_before(self) -> dict[str, tuple[int, ...]]:
        """The same of the experts."""
        return _before(self.experts)


def typed_weights(
    sizes: Mapping[str, int], types: Mapping[str, str], load: LoadLog
) -> TypedWeights:
    """The weights that a load takes, of tensors of these sizes in bytes and these types."""
    layers = len(load.layer_devices) - 1
    of_layers: list[Counter[str]] = [Counter() for _ in range(layers)]
    of_experts: list[Counter[str]] = [Counter() for _ in range(layers)]
    output: Counter[str] = Counter()
    for name in sizes.keys() & set(load.asked_tensors):
        part = role_of(name, layers)
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


def predict_speed(
    weights: TypedWeights,
    shape: ModelShape,
    placement: Placement,
    rates: MachineRates,
    *,
    caches: Sequence[SizedCache] = (),
    cache_type: str = "f16",
    correction: Correction = NO_CORRECTION,
) -> PredictedSpeed | None:
    """Predict how fast a model reads 512 tokens into an empty context, and then writes.

    Devices work one after the other. Operations that the weights don't show, such as the scans of
    recurrent layers, are not counted, nor is the moving of weights to a device for a prompt.

    Args:
        weights: of the level in question.
        shape: of the model.
        placement: where its layers lie.
        rates: of this machine.
        caches: its caches, which a token that is written looks at.
        cache_type: what keys are kept in.
        correction: from this machine's real speeds.

    Returns:
        None when a rate that is needed is not known or 0.
    """
    work = _work(weights, shape, placement, caches)
    elements_in_byte = _heads_per_kv_head(shape) / _ELEMENT_BYTES[cache_type.upper()]
    known = [(one, rates.of(device)) for device, one in work.items()]
    writing = _sum(
        part for one, rate in known for part in _generation_seconds(one, rate, elements_in_byte)
    )
    reading = _sum(part for one, rate in known for part in _prompt_seconds(one, rate, shape))
    if not writing or not reading:
        return None
    return PredictedSpeed(
        prompt_tokens_per_second=PROMPT_TOKENS / reading * correction.prompt,
        generation_tokens_per_second=correction.generation / writing,
        is_corrected=correction != NO_CORRECTION,
        is_disturbed=any(not rate.disturbed.isdisjoint(one.rates) for one, rate in known),
    )


@dataclass
class _Work:
    """What a device does for a token: its layers, those with attention, and bytes by type.

    The output is used for each token that is written, but only for the last of a prompt.
    """

    layers: int = 0
    attending: int = 0
    weights: Counter[str] = field(default_factory=Counter)
    output: Mapping[str, int] = field(default_factory=dict)
    kv_bytes: float = 0.0

    @property
    def rates(self) -> set[str]:
        """Which of the device's rates it takes: those of types, and the costs always."""
        return {COSTS, *(name for part in (self.weights, self.output) for name in part)}


def _work(
    weights: TypedWeights, shape: ModelShape, placement: Placement, caches: Sequence[SizedCache]
) -> dict[str, _Work]:
    """The work of each device, the processor's always."""
    layers = len(weights.layers)
    work = {PROCESSOR: _Work()}
    share = shape.experts_used / shape.experts if shape.experts and shape.experts_used else 1.0
    for span in _all_spans(placement, layers):
        here = work.setdefault(span.device, _Work())
        last = min(span.end, layers)
        here.layers += last - span.first
        _add(here.weights, weights.layers_before, span.first, last)
        moved = min(max(placement.experts_on_cpu, span.first), last)
        _add(work[PROCESSOR].weights, weights.experts_before, span.first, moved, share)
        _add(here.weights, weights.experts_before, moved, last, share)
        if span.end > layers:
            here.output = weights.output
        keeper = here if placement.kv_on_device else work[PROCESSOR]
        keeper.attending += sum(heads > 0 for heads in shape.kv_heads[span.first : last])
        keeper.kv_bytes += sum(cache.bytes_of(span.first, last, WRITTEN_TOKENS) for cache in caches)
    return work


def _all_spans(placement: Placement, layers: int) -> Iterator[Span]:
    first = placement.spans[0].first if placement.spans else layers + 1
    if first:
        yield Span(PROCESSOR, 0, first)
    yield from placement.spans


def _add(
    work: Counter[str],
    before: Mapping[str, Sequence[int]],
    first: int,
    end: int,
    share: float = 1.0,
) -> None:
    if end > first:
        for name, sums in before.items():
            work[name] += round((sums[end] - sums[first]) * share)


def _generation_seconds(
    work: _Work, rates: DeviceRates, elements_in_byte: float
) -> Iterator[float | None]:
    yield rates.token_seconds
    yield _times(work.layers, rates.layer_seconds)
    for part in (work.weights, work.output):
        for name, size_bytes in part.items():
            yield _quotient(size_bytes, rates.generation.get(name))
    arithmetic = _quotient(work.kv_bytes * elements_in_byte, rates.attention)
    memory = _quotient(work.kv_bytes, rates.bandwidth)
    yield None if arithmetic is None or memory is None else max(arithmetic, memory)


def _prompt_seconds(work: _Work, rates: DeviceRates, shape: ModelShape) -> Iterator[float | None]:
    yield rates.token_seconds
    yield _times(PROMPT_TOKENS * shape.width * work.layers, rates.element_seconds)
    for name, size_bytes in work.weights.items():
        operations = 2 * PROMPT_TOKENS * size_bytes / _ELEMENT_BYTES[name]
        yield _quotient(operations, rates.prompt.get(name))
    window = min(shape.window or PROMPT_TOKENS, PROMPT_TOKENS)
    lengths = shape.key_length + shape.value_length
    elements = work.attending * shape.heads * lengths * _pairs(window)
    yield _quotient(elements, rates.prompt_attention)


def _heads_per_kv_head(shape: ModelShape) -> float:
    """How many heads read the same keys and values."""
    having = [heads for heads in shape.kv_heads if heads > 0]
    return shape.heads * len(having) / sum(having) if having else 1.0


def _pairs(window: int) -> int:
    """How often a token of the prompt sees one before it, or itself, through a window."""
    return window * (window + 1) // 2 + (PROMPT_TOKENS - window) * window


def _before(parts: Sequence[Mapping[str, int]]) -> dict[str, tuple[int, ...]]:
    return {
        name: tuple(accumulate((part.get(name, 0) for part in parts), initial=0))
        for name in dict.fromkeys(name for part in parts for name in part)
    }


def _times(count: int, seconds: float | None) -> float | None:
    return 0.0 if count == 0 else None if seconds is None else count * seconds


def _quotient(amount: float, rate: float | None) -> float | None:
    """The seconds for an amount; None when there is some and no rate for it."""
    return 0.0 if amount == 0 else amount / rate if rate else None


def _sum(seconds: Iterable[float | None]) -> float | None:
    total = 0.0
    for part in seconds:
        if part is None:
            return None
        total += part
    return total
