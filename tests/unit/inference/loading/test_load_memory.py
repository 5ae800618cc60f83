"""What a load took on each device, also where it was mapped from the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.core.device_memory import DeviceMemory
from app.core.load_options import LoadOptions
from app.gguf_file.model import Model, read_model
from app.inference.loading.load_memory import memory_of
from app.inference.loading.loaded_model import LoadRequest, opened_model
from app.native.load_log import LoadLog
from tests.support.checkpoints.vocabularies import (
    vocabulary_file,
    write_model_on,
    write_windowed_model_on,
)
from tests.support.gguf.gguf_files import llama_file

NOWHERE = Model(())


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
    model = read_model(llama_file().write(tmp_path / "model.gguf"))
    embedding = "token_embd.weight"
    load = LoadLog(
        layer_devices=("RPC0", "RPC0"),
        asked_tensors=(embedding, embedding),
        caches=(),
        model_buffers={"CPU_Mapped": 10**9, "RPC0": 700},
    )
    alone = memory_of(load, ["RPC0"], model, 700)["CPU"].weights_bytes
    assert alone == model.tensor_bytes(embedding) > 0
    on_processor = LoadLog(("RPC0", "CPU"), (embedding, embedding), (), load.model_buffers)
    assert memory_of(on_processor, ["RPC0"], model, 700)["CPU"].weights_bytes == 0


def memory_in_ram(model: Path, slots: int, **load_request: bool) -> DeviceMemory:
    options = LoadOptions(
        context=4096, micro_batch=256, gpu_layers=0, swa_full=load_request.pop("swa_full", False)
    )
    wanted = LoadRequest(read_model(model), options, slots=slots, **load_request)
    with opened_model(wanted, lambda _: None) as loaded:
        return loaded.memory["CPU"]


@pytest.mark.slow
@pytest.mark.parametrize(("slots", "cells"), [(1, 512), (4, 512), (8, 768), (64, 4096)])
def test_a_window_takes_what_llama_server_gives_it(
    converter: Path, tmp_path: Path, slots: int, cells: int
) -> None:
    vocabulary = vocabulary_file(converter, "llama-spm")
    model = write_windowed_model_on(vocabulary, tmp_path / "m.gguf", context=4096)
    # Keys and values of two heads, 16 wide each, in two bytes; one layer keeps all tokens. The
    # other has room for 64 of each reply and for a micro-batch, rounded up to 256.
    cell_bytes = 2 * 2 * 16 * 2
    for swa_full, expected in ((False, 4096 + cells), (True, 2 * 4096)):
        found = memory_in_ram(model, slots, swa_full=swa_full).kv_bytes
        # Logged to a hundredth of a MiB.
        assert found == pytest.approx(expected * cell_bytes, abs=11_000)


@pytest.mark.slow
def test_logits_take_a_row_for_each_reply_unless_all_are_asked_for(
    converter: Path, tmp_path: Path
) -> None:
    vocabulary = vocabulary_file(converter, "llama-bpe")
    model = write_model_on(vocabulary, tmp_path / "m.gguf", context=4096)
    tokens = 128_256
    few, all_of_them = (
        memory_in_ram(model, 4, all_outputs=wanted).compute_bytes for wanted in (False, True)
    )
    # All logits of a micro-batch, beside the four that replies are chosen from.
    assert all_of_them == pytest.approx(few + 252 * tokens * 4, rel=0.05)
    assert few < 20 * tokens * 4
