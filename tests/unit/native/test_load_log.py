"""Reading llama.cpp's log of a load: devices, caches, buffers."""

from __future__ import annotations

from app.native.load_log import Cache, by_device, read_load_log

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
        Cache(4096, 8 * MEBIBYTE, (1,), ("CUDA0",), 4 * MEBIBYTE, "f16", 4 * MEBIBYTE, "f16", 2),
        Cache(1024, 2 * MEBIBYTE, (0,), ("CPU",), MEBIBYTE, "f16", MEBIBYTE, "f16", 2),
        Cache(2, MEBIBYTE, (2,), ("CUDA0",), sequences=2),
    )
    assert by_device(load.model_buffers, load.layer_devices) == {
        "CPU": 1.5 * MEBIBYTE,
        "CUDA0": 2.25 * MEBIBYTE,
    }
    assert by_device(load.compute_buffers, load.layer_devices) == {
        "CUDA0": 100 * MEBIBYTE,
        "CPU": 10 * MEBIBYTE + round(0.38 * MEBIBYTE),
    }


def test_buffers_on_workers_are_told_apart_by_the_address() -> None:
    load = read_load_log(
        """\
llama_prepare_model_devices: using device RPC0 (10.0.0.1:7) (unknown id) - 9 MiB free
llama_prepare_model_devices: using device RPC1 (10.0.0.2:7) (unknown id) - 9 MiB free
llama_prepare_model_devices: using device RPC2 (10.0.0.2:7) (unknown id) - 9 MiB free
llama_prepare_model_devices: using device CUDA0 (A Card (of 2020)) (0000:01:00.0) - 9 MiB free
load_tensors: RPC0[10.0.0.1:7] model buffer size =     1.00 MiB
load_tensors: RPC0[10.0.0.2:7] model buffer size =     2.00 MiB
load_tensors: RPC1[10.0.0.2:7] model buffer size =     4.00 MiB
load_tensors:        CUDA0 model buffer size =     8.00 MiB
"""
    )
    assert by_device(load.model_buffers, ["RPC0", "RPC1", "RPC2", "CUDA0"]) == {
        "RPC0": MEBIBYTE,
        "RPC1": 2 * MEBIBYTE,
        "RPC2": 4 * MEBIBYTE,
        "CUDA0": 8 * MEBIBYTE,
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
