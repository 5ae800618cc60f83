"""Predict prompt and generation speed from a model's weights and a machine's rates.

The roofline model (Williams, Waterman, Patterson: "Roofline: an insightful visual performance
model for multicore architectures", 2009): the slower of memory and arithmetic decides. For one
token all the weights it uses are read from memory once, so a step takes their bytes over the rate
at which the device multiplies their type. Where a type takes long to unpack, as small ones do on
processors (ggml/src/ggml-cpu/quants.c), that rate is below the memory bandwidth. A prompt reuses
the weights it has read for hundreds of tokens, and is bound by arithmetic.
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
from app.estimation.weights import has_tied_output, role_of
from app.gguf_file.tensor_names import EMBEDDING
from app.gguf_file.tensor_types import TENSOR_TYPES
from app.native.load_log import LoadLog

PROMPT_TOKENS = 512
"""Length of the predicted prompt, as in llama-bench's test pp512."""
GENERATED_TOKENS = 256
"""Context that a generated token is predicted for: llama.cpp reads cells in steps of 256."""

_ELEMENT_BYTES = {kind.name: kind.block_bytes / kind.block_size for kind in TENSOR_TYPES.values()}


@dataclass(frozen=True)
class PredictedSpeed:
    """Predicted tokens per second while reading a prompt of 512 tokens and writing a reply.

    With `is_corrected` this machine's measured speeds were taken into account; with
    `is_disturbed` some of the rates were measured while other programs were busy.
    """

    prompt_tokens_per_second: float
    generation_tokens_per_second: float
    is_corrected: bool = False
    is_disturbed: bool = False


@dataclass(frozen=True)
class Correction:
    """Median ratios of real to predicted speeds; 1 if none is known."""

    prompt: float = 1.0
    generation: float = 1.0


NO_CORRECTION = Correction()


@dataclass(frozen=True)
class TypedWeights:
    """The bytes of a model's weights by type: of each layer, its experts, and the output.

    `layers` exclude the experts. The input is left out: a token reads a single row of it.
    """

    layers: tuple[dict[str, int], ...]
    experts: tuple[dict[str, int], ...]
    output: dict[str, int]

    @property
    def types(self) -> set[str]:
        """All weight types used in matrix multiplications."""
        return set().union(*self.layers, *self.experts, self.output)

    @cached_property
    def layers_before(self) -> dict[str, tuple[int, ...]]:
        """Cumulative bytes by type: for each layer, those before it; the last is the total."""
        return _before(self.layers)

    @cached_property
    def experts_before(self) -> dict[str, tuple[int, ...]]:
        """The same for the experts."""
        return _before(self.experts)


def typed_weights(
    sizes: Mapping[str, int], types: Mapping[str, str], load: LoadLog
) -> TypedWeights:
    """Return the weights that a load reads, given the tensors' sizes in bytes and types."""
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

    Devices work one after the other. Operations without weights, such as the scans of recurrent
    layers, are not counted, nor is copying weights to a device for a prompt.

    Args:
        weights: of the level.
        shape: of the model.
        placement: of its layers.
        rates: of this machine.
        caches: its caches, which each generated token reads.
        cache_type: the type of the keys.
        correction: from this machine's measured speeds.

    Returns:
        None if a required rate is unknown or 0.
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
    """A device's work for a token: its layers, those with attention, and bytes by type.

    The output is computed for each generated token, but only for the last token of a prompt.
    """

    layers: int = 0
    attending: int = 0
    weights: Counter[str] = field(default_factory=Counter)
    output: Mapping[str, int] = field(default_factory=dict)
    kv_bytes: float = 0.0

    @property
    def rates(self) -> set[str]:
        """The parts of the device's rates that it needs: the types, and always the costs."""
        return {COSTS, *(name for part in (self.weights, self.output) for name in part)}


def _work(
    weights: TypedWeights, shape: ModelShape, placement: Placement, caches: Sequence[SizedCache]
) -> dict[str, _Work]:
    """Return the work of each device, always including the processor."""
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
        keeper.kv_bytes += sum(
            cache.bytes_of(span.first, last, GENERATED_TOKENS) for cache in caches
        )
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
    """Return how many heads share the same keys and values."""
    having = [heads for heads in shape.kv_heads if heads > 0]
    return shape.heads * len(having) / sum(having) if having else 1.0


def _pairs(window: int) -> int:
    """Return how many (token, visible token) pairs a prompt has, a token with itself included."""
    return window * (window + 1) // 2 + (PROMPT_TOKENS - window) * window


def _before(parts: Sequence[Mapping[str, int]]) -> dict[str, tuple[int, ...]]:
    return {
        name: tuple(accumulate((part.get(name, 0) for part in parts), initial=0))
        for name in dict.fromkeys(name for part in parts for name in part)
    }


def _times(count: int, seconds: float | None) -> float | None:
    return 0.0 if count == 0 else None if seconds is None else count * seconds


def _quotient(amount: float, rate: float | None) -> float | None:
    """Return the seconds for an amount; None if there is some but no rate for it."""
    return 0.0 if amount == 0 else amount / rate if rate else None


def _sum(seconds: Iterable[float | None]) -> float | None:
    total = 0.0
    for part in seconds:
        if part is None:
            return None
        total += part
    return total
