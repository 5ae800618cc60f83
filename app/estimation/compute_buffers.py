"""Interpolate compute buffer sizes between dry loads, for any context and number of layers."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.core.load_options import LoadOptions
from app.gguf_file.tensor_types import TENSOR_TYPES

_WIDE_TYPES = frozenset(kind.ggml_name for kind in TENSOR_TYPES.values() if kind.is_float)
_Kind = tuple[bool, bool, bool, bool, tuple[str, str]]
"""Options that compute buffers depend on: no flash attention, full-size sliding windows, KV cache
on devices, wide cache types, the cache types."""


@dataclass(frozen=True)
class LoadSample:
    """A dry load: its options, and its compute buffers in bytes by device.

    Its `gpu_layers` and `experts_on_cpu` are numbers. With a `level` it counts only for that level,
    else for all levels without their own.
    """

    options: LoadOptions
    compute: dict[str, int]
    level: str = ""


@dataclass(frozen=True)
class ComputeBuffers:
    """Compute buffers as a function of the layers on devices and the context.

    `curves` maps the number of layers on devices, and whether experts stay on the processor, to the
    buffers of each device at ascending contexts. `whole` is the number of layers with the output.
    """

    whole: int
    curves: Mapping[tuple[int, bool], tuple[tuple[int, Mapping[str, int]], ...]]
    _nearest: dict[tuple[int, bool], tuple[int, bool]] = field(default_factory=dict, compare=False)
    _known: dict[tuple[int, bool, int], Mapping[str, int]] = field(
        default_factory=dict, compare=False
    )

    def at(self, gpu_layers: int, experts_on_cpu: int, context: int) -> Mapping[str, int]:
        """Return bytes by device, interpolated linearly between two contexts that were tried."""
        wanted = (gpu_layers, experts_on_cpu > 0)
        if (*wanted, context) not in self._known:
            self._known[*wanted, context] = self._at(wanted, context)
        return self._known[*wanted, context]

    def _at(self, wanted: tuple[int, bool], context: int) -> Mapping[str, int]:
        if wanted not in self._nearest:
            self._nearest[wanted] = min(self.curves, key=lambda key: self._distance(key, wanted))
        curve = self.curves[self._nearest[wanted]]
        place = bisect_left(curve, context, key=lambda point: point[0])
        if place == len(curve) or curve[place][0] == context or place == 0:
            return curve[min(place, len(curve) - 1)][1]
        return _between(curve[place - 1], curve[place], context)

    def _distance(self, key: tuple[int, bool], wanted: tuple[int, bool]) -> tuple[bool, bool, int]:
        """Return a sort key: buffers differ most between no layers, some, and all."""
        kinds = [(layers > 0) + (layers >= self.whole) for layers, _ in (key, wanted)]
        return kinds[0] != kinds[1], key[1] != wanted[1], abs(key[0] - wanted[0])


def compute_buffers(
    samples: Iterable[LoadSample], level: str, options: LoadOptions, layers: int
) -> ComputeBuffers:
    """Return a level's buffers with the options' micro-batch, types and flash attention.

    If no such load was tried, the most similar ones are used.
    """
    wanted = _kind(options)
    nearest: dict[tuple[int, bool], tuple[tuple[bool, ...], list[LoadSample]]] = {}
    for sample in samples:
        if sample.level not in ("", level):
            continue
        difference = (not sample.level, *_differences(_kind(sample.options), wanted))
        key = _key(sample.options)
        if key not in nearest or difference < nearest[key][0]:
            nearest[key] = difference, [sample]
        elif difference == nearest[key][0]:
            nearest[key][1].append(sample)
    curves = {key: tuple(_curve(alike, options)) for key, (_, alike) in nearest.items()}
    return ComputeBuffers(layers + 1, curves)


def effective_micro_batch(options: LoadOptions) -> int:
    """Return the micro-batch that llama.cpp uses: at most the batch and the context."""
    return min(options.micro_batch, options.batch, options.context)


def _key(options: LoadOptions) -> tuple[int, bool]:
    return options.gpu_layers or 0, bool(options.experts_on_cpu)


def _kind(options: LoadOptions) -> _Kind:
    types = (options.cache_type_k, options.cache_type_v)
    is_wide = _WIDE_TYPES.issuperset(types)
    without = options.flash_attention == "off"
    return without, options.swa_full, options.kv_on_device, is_wide, types


def _differences(one: _Kind, other: _Kind) -> tuple[bool, ...]:
    """Return the differences, the most important first."""
    return tuple(mine != its for mine, its in zip(one, other, strict=True))


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
    """Interpolate; scale in proportion beyond the samples, as activations have a row per token."""
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
