"""Memory from what a load logged: weights by their layers, caches by context and types."""

from __future__ import annotations

import msgspec
import pytest

from app.core.load_options import LoadOptions
from app.estimation.kv_cache import size_caches
from app.estimation.weights import Weights, weights_of
from app.native.load_log import Cache, LoadLog

CACHES = (
    Cache(4096, 8 << 20, (1,), ("CUDA0",), 4 << 20, "f16", 4 << 20, "f16"),
    Cache(1024, 2 << 20, (0,), ("CPU",), 1 << 20, "f16", 1 << 20, "f16"),
    Cache(2, 1 << 20, (2,), ("CUDA0",)),
)


def bytes_by_layer(
    caches: tuple[Cache, ...],
    kv_heads: tuple[int, ...],
    tokens: int,
    window: int = 0,
    **options: object,
) -> list[int]:
    chosen = msgspec.convert(options, LoadOptions)
    sized = size_caches(caches, kv_heads, 4, chosen, window=window)
    return [
        round(sum(one.bytes_of(layer, layer + 1, tokens) for one in sized)) for layer in range(4)
    ]


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (4096, [2 << 20, 8 << 20, 1 << 20, 0]),
        (2000, [2 << 20, 4 << 20, 1 << 20, 0]),
        (512, [1 << 20, 1 << 20, 1 << 20, 0]),
    ],
)
def test_caches_grow_up_to_their_window(context: int, expected: list[int]) -> None:
    assert bytes_by_layer(CACHES, (8, 8), context) == expected


def test_caches_of_other_types_take_what_these_take() -> None:
    smaller = bytes_by_layer(CACHES, (8, 8), 4096, cache_type_k="q8_0", cache_type_v="q4_0")
    # Two bytes become 34/32 for keys and 18/32 for values; a recurrent state stays as it is.
    assert smaller == [(34 + 18) << 14, (34 + 18) << 16, 1 << 20, 0]


@pytest.mark.parametrize(
    ("micro_batch", "cells"), [(512, 1024), (128, 768), (2048, 2560), (8192, 4096)]
)
def test_a_window_has_cells_for_a_micro_batch_besides(micro_batch: int, cells: int) -> None:
    # Five sequences with windows of 100 tokens each.
    cache = Cache(1024, 2 << 20, (0,), ("CPU",), 1 << 20, "f16", 1 << 20, "f16", sequences=5)
    options = {"micro_batch": micro_batch, "batch": 65536, "context": 65536}
    (found, *_) = bytes_by_layer((CACHES[0], cache), (8, 8), 4096, 100, **options)
    assert found == cells << 11


def test_whole_windows_have_as_many_cells_as_all_other_layers() -> None:
    found = bytes_by_layer(CACHES, (8, 8), 4096, 100, swa_full=True)
    assert found == [8 << 20, 8 << 20, 1 << 20, 0]


def test_layers_share_a_cache_by_their_heads() -> None:
    cache = Cache(256, 600, (0, 1, 3), ("CPU",) * 3)
    assert bytes_by_layer((cache,), (4, 1, 0, 1), 256) == [400, 100, 0, 100]
    assert bytes_by_layer((cache,), (), 256) == [200, 200, 0, 200]
    assert bytes_by_layer((cache,), (4, 0, 0, 0), 256) == [200, 200, 0, 200]


def load_asking(*names: str, layers: int = 2) -> LoadLog:
    return LoadLog(("CPU",) * (layers + 1), names, ())


def test_weights_are_of_the_input_a_layer_or_the_output() -> None:
    sizes = {
        "token_embd.weight": 1000,
        "blk.0.attn_q.weight": 10,
        "blk.1.ffn_down_exps.weight": 20,
        "blk.1.ffn_down_shexp.weight": 30,
        "output_norm.weight": 1,
        "not.loaded": 5000,
    }
    asked = [name for name in sizes if name != "not.loaded"]
    weights = weights_of(sizes, load_asking(*asked))
    assert weights == Weights(1000, (10, 50), (0, 20), 1, 0)
    assert weights_of(sizes, load_asking(*asked, "token_embd.weight")).tied_bytes == 1000


def test_weights_go_where_their_layers_are() -> None:
    weights = Weights(100, (10, 20), (4, 8), 3, 90)
    assert weights.rest_bytes(None) == 133
    assert (weights.rest_bytes(1), weights.span_bytes(1, 3)) == (110, 113)
    assert (weights.rest_bytes(0, 1), weights.span_bytes(0, 3, 1)) == (104, 119)
    # Over two devices, with the experts of both layers in RAM.
    assert weights.rest_bytes(0, 2) == 112
    assert (weights.span_bytes(0, 1, 2), weights.span_bytes(1, 3, 2)) == (6, 105)
    # The output alone.
    assert (weights.rest_bytes(2), weights.span_bytes(2, 3)) == (130, 93)
