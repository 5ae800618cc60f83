"""What a load took on each device, also where it was mapped from the file."""

from __future__ import annotations

from pathlib import Path

from app.core.device_memory import DeviceMemory
from app.inference.load_memory import memory_of
from app.library.facts import read_headers
from app.native.load_log import LoadLog
from tests.gguf_files import llama_file

NOWHERE = Path("nowhere.gguf")


def test_each_buffer_counts_for_its_device() -> None:
    load = LoadLog(
        layer_devices=("CPU", "CUDA0", "CUDA0"),
        asked_tensors=(),
        caches=(),
        model_buffers={"CPU": 10, "CUDA0": 20},
        cache_buffers={"CPU": 1, "CUDA0": 2},
        compute_buffers={"CUDA_Host": 3, "CUDA0": 4, "CUDA1": 5},
    )
    assert memory_of(load, ["CUDA0", "CUDA1", "CUDA2"], NOWHERE, 30) == {
        "CPU": DeviceMemory(10, 1, 3),
        "CUDA0": DeviceMemory(20, 2, 4),
        "CUDA1": DeviceMemory(0, 0, 5),
    }


def test_a_mapped_buffer_has_no_more_than_the_others_leave_of_the_file() -> None:
    load = LoadLog(
        layer_devices=("CPU", "RPC0"),
        asked_tensors=(),
        caches=(),
        model_buffers={"CPU_Mapped": 95, "CPU_REPACK": 30, "RPC0[127.0.0.1:1]": 45},
    )
    memory = memory_of(load, ["RPC0"], NOWHERE, 100)
    # Of the 95 that are mapped, 75 lie elsewhere.
    assert memory["CPU"].weights_bytes == 25 + 30
    assert memory["RPC0"].weights_bytes == 45


def test_a_copy_of_the_embedding_for_a_devices_output_takes_nothing_from_the_file(
    tmp_path: Path,
) -> None:
    model = llama_file().write(tmp_path / "model.gguf")
    embedding = "token_embd.weight"
    load = LoadLog(
        layer_devices=("RPC0", "RPC0"),
        asked_tensors=(embedding, embedding),
        caches=(),
        model_buffers={"CPU_Mapped": 10**9, "RPC0": 700},
    )
    alone = memory_of(load, ["RPC0"], model, 700)["CPU"].weights_bytes
    assert alone == embedding_bytes(model) > 0
    on_processor = LoadLog(("RPC0", "CPU"), (embedding, embedding), (), load.model_buffers)
    assert memory_of(on_processor, ["RPC0"], model, 700)["CPU"].weights_bytes == 0


def embedding_bytes(model: Path) -> int:
    (header,) = read_headers(model)
    return next(t.size_bytes for t in header.tensors if t.name == "token_embd.weight")
