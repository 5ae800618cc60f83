"""Scale the KV cache and recurrent states of one load to any context and types."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from app.core.load_options import LoadOptions
from app.estimation.compute_buffers import effective_micro_batch
from app.gguf_file.tensor_types import TENSOR_TYPES
from app.native.load_log import Cache

CONTEXT_STEP = 256
"""llama.cpp rounds contexts up to this many tokens (llama_context in src/llama-context.cpp)."""
_WIDTHS = {kind.name.lower(): kind.block_bytes / kind.block_size for kind in TENSOR_TYPES.values()}


def cache_bytes_per_value(kind: str) -> float:
    """Return the bytes that a number takes in a KV cache of this type."""
    return _WIDTHS[kind]


@dataclass(frozen=True)
class SizedCache:
    """A KV cache, or recurrent states, whose `cells` take `size_bytes`.

    `shares` are cumulative (0 to 1): for each layer the share of all layers before it, then 1.
    """

    cells: int
    size_bytes: float
    shares: tuple[float, ...]

    def bytes_of(self, first: int, end: int, context: int) -> float:
        """Return the bytes of layers `first` up to but excluding `end` for `context` tokens."""
        cells = min(self.cells, _padded(context))
        last = len(self.shares) - 1
        share = self.shares[min(end, last)] - self.shares[min(first, last)]
        return self.size_bytes * cells / self.cells * share


def size_caches(
    caches: Iterable[Cache],
    kv_heads: Sequence[int],
    layers: int,
    options: LoadOptions,
    *,
    window: int = 0,
) -> tuple[SizedCache, ...]:
    """Return a load's caches, resized for these options.

    Exact up to the context that they were measured at, without `swa_full`. A cache's layers share
    it in proportion to their `kv_heads`, or evenly if some layers have none. Some layers may see
    only a `window` of this many tokens.
    """
    nonempty = [cache for cache in caches if cache.cells]
    max_cells = max((cache.cells for cache in nonempty if cache.key_bytes), default=0)
    return tuple(
        _sized(cache, _cells(cache, max_cells, window, options), kv_heads, layers, options)
        for cache in nonempty
    )


def _cells(cache: Cache, max_cells: int, window: int, options: LoadOptions) -> int:
    """Return a cache's number of cells; `max_cells` is that of full-attention layers."""
    if not cache.key_bytes or cache.cells == max_cells:
        return cache.cells
    if options.swa_full:
        return max_cells
    if not window:
        return cache.cells
    # As in llama_kv_cache_iswa (src/llama-kv-cache-iswa.cpp).
    return min(max_cells, _padded(window * cache.sequences + effective_micro_batch(options)))


def _padded(tokens: int) -> int:
    return math.ceil(tokens / CONTEXT_STEP) * CONTEXT_STEP


def _sized(
    cache: Cache, cells: int, kv_heads: Sequence[int], layers: int, options: LoadOptions
) -> SizedCache:
    heads = [kv_heads[layer] if layer < len(kv_heads) else 1 for layer in cache.layers]
    if min(heads, default=1) <= 0:
        heads = [1] * len(heads)
    by_layer = [0] * layers
    for layer, count in zip(cache.layers, heads, strict=True):
        by_layer[layer] += count
    total = sum(by_layer) or 1
    shares = accumulate((count / total for count in by_layer), initial=0.0)
    size_bytes = cache.size_bytes * _scale(cache, options) * cells / cache.cells
    return SizedCache(cells, size_bytes, tuple(shares))


def _scale(cache: Cache, options: LoadOptions) -> float:
    """Return a cache's size in the options' types relative to its own; 1 if recurrent."""
    measured = cache.key_bytes + cache.value_bytes
    if not measured:
        return 1.0
    keys = cache.key_bytes * _WIDTHS[options.cache_type_k] / _WIDTHS[cache.key_type]
    values = cache.value_bytes * _WIDTHS[options.cache_type_v] / _WIDTHS[cache.value_type]
    return (keys + values) / measured
