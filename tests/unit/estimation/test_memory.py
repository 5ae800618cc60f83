"""Memory from what a load logged: reading the log, weights by device, caches by context."""

from __future__ import annotations

import msgspec
import pytest

from app.core.load_options import LoadOptions
from app.estimation.caches import size_caches
from app.estimation.memory import Weights, by_device, weights_of
from app.native.load_log import Cache, LoadLog, read_load_log

MEBIBYTE = 2**20
LOG = """\
load_tensors: layer   0 assigned to device CPU, is_swa = 1
load_tensors: layer   1 assigned to device CUDA0, is_swa = 0
load_tensors: layer   2 assigned to device CUDA0, is_swa = 0
create_tensor: loading tensor token_embd.weight
create_tensor: loading tensor output.weight
create_tensor: loading tensor token_embd.weight
create_tensor: loading tensor blk.0.attn_q.weight
load_tensors:   CPU_Mapped model buffer size =     1.50 MiB
load_tensors:        CUDA0 model buffer size =     2.25 MiB
llama_context:        CPU  output buffer size =     0.38 MiB
llama_kv_cache: layer   1: dev = CUDA0
llama_kv_cache:      CUDA0 KV buffer size =     0.00 MiB
llama_kv_cache: size =    8.00 MiB (  4096 cells,   1 layers,  2/1 seqs), K (f16):    4.00 MiB, \
V (f16):    4.00 MiB
llama_kv_cache: layer   0: dev = CPU
llama_kv_cache: size =    2.00 MiB (  1024 cells,   1 layers,  2/1 seqs), K (f16):    1.00 MiB, \
V (f16):    1.00 MiB
llama_memory_recurrent, layer   2: dev = CUDA0
llama_memory_recurrent:      CUDA0 RS buffer size =     1.00 MiB
llama_memory_recurrent: size =    1.00 MiB (     2 cells,   1 layers,  2 seqs  0 rs_seq), \
R (f32):    0.25 MiB, S (f32):    0.75 MiB, P (f32):    0.00 MiB
sched_reserve:      CUDA0 compute buffer size =   100.00 MiB
sched_reserve:  CUDA_Host compute buffer size =    10.00 MiB
"""


def test_a_log_tells_devices_caches_and_buffers() -> None:
    load = read_load_log(LOG)
    assert load.is_complete
    assert load.layer_devices == ("CPU", "CUDA0", "CUDA0")
    assert load.asked_tensors == (
        "token_embd.weight",
        "output.weight",
        "token_embd.weight",
        "blk.0.attn_q.weight",
    )
    assert load.caches == (
        Cache(4096, 8 * MEBIBYTE, (1,), ("CUDA0",), 4 * MEBIBYTE, "f16", 4 * MEBIBYTE, "f16"),
        Cache(1024, 2 * MEBIBYTE, (0,), ("CPU",), MEBIBYTE, "f16", MEBIBYTE, "f16"),
        Cache(2, MEBIBYTE, (2,), ("CUDA0",)),
    )
    assert by_device(load.model_buffers, load.layer_devices) == {
        "CPU": 1.5 * MEBIBYTE,
        "CUDA0": 2.25 * MEBIBYTE,
    }
    assert by_device(load.compute_buffers, load.layer_devices) == {
        "CUDA0": 100 * MEBIBYTE,
        "CPU": 10 * MEBIBYTE + round(0.38 * MEBIBYTE),
    }


def test_a_load_that_failed_or_has_caches_of_another_kind_is_not_complete() -> None:
    assert not read_load_log("").is_complete
    assert not read_load_log(LOG.partition("sched_reserve")[0]).is_complete
    odd = "llama_kv_cache_dsv4:        CPU DSV4 csa state buffer size =     1.00 MiB\n"
    assert not read_load_log(LOG + odd).is_complete


def test_buffers_belong_to_the_device_with_the_longest_name() -> None:
    buffers = {"CUDA1": 1, "CUDA10": 2, "CUDA_Host": 4, "RPC0[127.0.0.1:5000]": 8, "CPU_REPACK": 16}
    assert by_device(buffers, ["CUDA1", "CUDA10", "RPC0", "CPU"]) == {
        "CUDA1": 1,
        "CUDA10": 2,
        "RPC0": 8,
        "CPU": 20,
    }


def bytes_by_layer(
    caches: tuple[Cache, ...], kv_heads: tuple[int, ...], context: int, **types: str
) -> list[int]:
    sized = size_caches(caches, kv_heads, 4, msgspec.convert(types, LoadOptions))
    return [
        round(sum(one.bytes_of(layer, layer + 1, context) for one in sized)) for layer in range(4)
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
    assert bytes_by_layer(read_load_log(LOG).caches, (8, 8), context) == expected


def test_caches_of_other_types_take_what_these_take() -> None:
    caches = read_load_log(LOG).caches
    smaller = bytes_by_layer(caches, (8, 8), 4096, cache_type_k="q8_0", cache_type_v="q4_0")
    # Two bytes become 34/32 for keys and 18/32 for values; a recurrent state stays as it is.
    assert smaller == [(34 + 18) << 14, (34 + 18) << 16, 1 << 20, 0]


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
