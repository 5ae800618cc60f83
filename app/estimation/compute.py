"""Compute buffers for any context and layers, from loads that were tried without allocation."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.core.load_options import LoadOptions

_WIDE_TYPES = frozenset({"f32", "f16", "bf16"})


@dataclass(frozen=True)
class LoadSample:
    """A load that was tried: its options, and its compute buffers in bytes by device.

    Its `gpu_layers` and `experts_on_cpu` are numbers. With a `level` it holds for that alone, else
    for all that have none of their own.
    """

    options: LoadOptions
    compute: dict[str, int]
    level: str = ""


@dataclass(frozen=True)
class ComputeBuffers:
    """Compute buffers as they depend on the layers on devices and on the context.

    `curves` has, for numbers of layers on devices and whether experts stay with the processor, the
    buffers of each device at ascending contexts; `whole` counts the output.
    """

    whole: int
    curves: Mapping[tuple[int, bool], tuple[tuple[int, Mapping[str, int]], ...]]
    _nearest: dict[tuple[int, bool], tuple[int, bool]] = field(default_factory=dict, compare=False)

    def at(self, gpu_layers: int, experts_on_cpu: int, context: int) -> Mapping[str, int]:
        """In bytes by device: between two contexts that were tried in proportion to them."""
        wanted = (gpu_layers, experts_on_cpu > 0)
        if wanted not in self._nearest:
            self._nearest[wanted] = min(self.curves, key=lambda key: self._distance(key, wanted))
        curve = self.curves[self._nearest[wanted]]
        place = bisect_left(curve, context, key=lambda point: point[0])
        if place == len(curve) or curve[place][0] == context or place == 0:
            return curve[min(place, len(curve) - 1)][1]
        return _between(curve[place - 1], curve[place], context)

    def _distance(self, key: tuple[int, bool], wanted: tuple[int, bool]) -> tuple[bool, bool, int]:
        """Buffers differ most between no layer, some, and all with the output."""
        kinds = [(layers > 0) + (layers >= self.whole) for layers, _ in (key, wanted)]
        return kinds[0] != kinds[1], key[1] != wanted[1], abs(key[0] - wanted[0])


def compute_buffers(
    samples: Iterable[LoadSample], level: str, options: LoadOptions, layers: int
) -> ComputeBuffers:
    """The buffers for a level with the options' micro-batch, types and flash attention.

    Where such a load was not tried, the most similar one speaks for it.
    """
    usable = [sample for sample in samples if sample.level in ("", level)]
    keys = {_key(sample.options) for sample in usable}
    curves = {}
    for key in keys:
        of_key = [sample for sample in usable if _key(sample.options) == key]
        own = [sample for sample in of_key if sample.level] or of_key
        nearest = min(_unlikeness(sample.options, options) for sample in own)
        alike = [sample for sample in own if _unlikeness(sample.options, options) == nearest]
        curves[key] = tuple(_curve(alike, options))
    return ComputeBuffers(layers + 1, curves)


def effective_micro_batch(options: LoadOptions) -> int:
    """What llama.cpp makes of a micro-batch: no more than the batch and the context."""
    return min(options.micro_batch, options.batch, options.context)


def _key(options: LoadOptions) -> tuple[int, bool]:
    return options.gpu_layers or 0, bool(options.experts_on_cpu)


def _unlikeness(one: LoadOptions, other: LoadOptions) -> tuple[bool, bool, int, bool]:
    kinds = [
        (options.flash_attention == "off", options.kv_on_device, _is_wide(options))
        for options in (one, other)
    ]
    same_types = (one.cache_type_k, one.cache_type_v) == (other.cache_type_k, other.cache_type_v)
    return (
        kinds[0][0] != kinds[1][0],
        kinds[0][1] != kinds[1][1],
        int(kinds[0][2] != kinds[1][2]),
        not same_types,
    )


def _is_wide(options: LoadOptions) -> bool:
    return {options.cache_type_k, options.cache_type_v} <= _WIDE_TYPES


def _curve(
    samples: Iterable[LoadSample], options: LoadOptions
) -> Iterable[tuple[int, Mapping[str, int]]]:
    by_context: dict[int, dict[int, Mapping[str, int]]] = {}
    for sample in samples:
        points = by_context.setdefault(sample.options.context, {})
        points[effective_micro_batch(sample.options)] = sample.compute
    for context, points in sorted(by_context.items()):
        wanted = min(options.micro_batch, options.batch, context)
        yield context, _at_micro_batch(sorted(points.items()), wanted)


def _at_micro_batch(points: list[tuple[int, Mapping[str, int]]], wanted: int) -> Mapping[str, int]:
    """Beyond what was tried, in proportion: activations have a row for each token."""
    place = bisect_left(points, wanted, key=lambda point: point[0])
    if place < len(points) and points[place][0] == wanted:
        return points[place][1]
    if 0 < place < len(points):
        return _between(points[place - 1], points[place], wanted)
    tried, compute = points[min(place, len(points) - 1)]
    return {name: round(size * wanted / tried) for name, size in compute.items()}


def _between(
    before: tuple[int, Mapping[str, int]], after: tuple[int, Mapping[str, int]], wanted: int
) -> dict[str, int]:
    part = (wanted - before[0]) / (after[0] - before[0])
    return {
        name: round(before[1].get(name, 0) * (1 - part) + after[1].get(name, 0) * part)
        for name in {**before[1], **after[1]}
    }
