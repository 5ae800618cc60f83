"""Load options as llama.cpp really takes them, with workers on loopback as devices."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.core.errors import ErrorCode, NoticeCode
from app.core.events import Failed, NoticeReported, Ready
from app.core.load_options import LoadOptions
from app.core.settings import Settings, save_settings
from tests.processes.serving import serving
from tests.processes.working import working
from tests.support.checkpoints.architectures import make_checkpoint
from tests.support.engine.tiny_model import write_tiny_model
from tests.support.machine.verbs import Child, run_verb, sentence_of, started

SAME = {"temperature": 0, "max_tokens": 4}
SMALL = ("--micro-batch", "32", "--threads", "1", "--slots", "1")
CONTEXT = 4096
LOG_STEP_BYTES = 2**20 / 100
WIDTH = 512
"""Of the tiny model's keys and of its values, in its one layer."""


@pytest.fixture(scope="module")
def worker() -> Iterator[str]:
    with working() as (_, address):
        yield address


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_tiny_model(tmp_path / "tiny.gguf", context=CONTEXT)


def in_log(size_bytes: int) -> object:
    """Return a value equal to a size, as precisely as in llama.cpp's log."""
    return pytest.approx(size_bytes, abs=LOG_STEP_BYTES)


def loaded(model: Path, *options: str) -> Ready:
    """Return the events of the load; the model must also generate something."""
    with serving(model, *SMALL, *options) as server:
        assert server.complete("The mill", **SAME)["usage"]["completion_tokens"] > 0
        return server.ready


def test_what_was_estimated_is_what_the_load_takes(model: Path, worker: str) -> None:
    ready = loaded(model, "--worker", worker)
    assert (ready.gpu_layers, ready.experts_on_cpu) == (2, 0)
    assert list(ready.memory) == list(ready.estimated) == ["CPU", "RPC0"]
    for device, real in ready.memory.items():
        assert ready.estimated[device].total_bytes == pytest.approx(real.total_bytes, rel=0.05)
    assert ready.memory["RPC0"].kv_bytes == in_log(CONTEXT * WIDTH * 2 * 2)


def test_each_option_reaches_the_engine(model: Path, worker: str) -> None:
    options = ("--gpu-layers", "1", "--memory-map", "off", "--no-kv-on-device", "--batch", "64")
    types = ("--cache-type-k", "q8_0", "--cache-type-v", "q4_0", "--context", "2048")
    ready = loaded(model, "--worker", worker, *options, *types)
    assert (ready.gpu_layers, ready.context, ready.threads) == (1, 2048, 1)
    assert ready.estimated == {}
    processor, device = ready.memory["CPU"], ready.memory["RPC0"]
    # Blocks of 32 weights: 34 bytes in q8_0, 18 in q4_0.
    assert processor.kv_bytes == in_log(2048 * WIDTH // 32 * (34 + 18))
    assert device.kv_bytes == 0
    assert device.weights_bytes > 0
    same = ("--worker", worker, *options[:-2], *types)
    more = loaded(model, *same, "--micro-batch", "256")
    assert more.memory["CPU"].compute_bytes > 3 * processor.compute_bytes


def test_the_models_own_options_come_before_those_for_all(home: Path, model: Path) -> None:
    home.mkdir()
    own = LoadOptions(context=1024, threads=1, cache_type_k="f32", cache_type_v="f32")
    save_settings(Settings(context=512, threads=2, model_options={str(model): own}))
    with serving(model) as server:
        assert (server.ready.context, server.ready.threads) == (1024, 1)
        assert server.ready.memory["CPU"].kv_bytes == in_log(1024 * WIDTH * 2 * 4)
    with serving(model, "--context", "256", "--cache-type-k", "f16") as server:
        assert (server.ready.context, server.ready.threads) == (256, 1)
        assert server.ready.memory["CPU"].kv_bytes == in_log(256 * WIDTH * (2 + 4))


def test_a_model_is_as_large_mapped_as_read(model: Path) -> None:
    mapped = loaded(model, "--memory-map", "on").memory["CPU"]
    unmapped = ("--memory-map", "off", "--memory-lock", "--no-extra-buffers")
    read = loaded(model, *unmapped).memory["CPU"]
    assert mapped.weights_bytes == pytest.approx(read.weights_bytes, rel=0.02)


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_memory_that_can_not_be_locked_is_said(model: Path) -> None:
    with started("serve", "--memory-lock", *SMALL, str(model)) as child:
        # It holds for whoever has no privilege to lock what he likes.
        psutil.Process(child.process.pid).rlimit(psutil.RLIMIT_MEMLOCK, (0, 0))
        child.read_until(lambda event: isinstance(event, Ready))
        may_lock = "failed to mlock" not in child.log()
        codes = [event.code for event in child.events if isinstance(event, NoticeReported)]
    assert (NoticeCode.MEMORY_NOT_LOCKED not in codes) == may_lock


def test_quantized_values_without_flash_attention_are_refused(model: Path) -> None:
    options = ("--flash-attention", "off", "--cache-type-v", "q8_0")
    ended = run_verb("serve", str(model), *options)
    assert ended.status == 1
    pattern = sentence_of(ErrorCode.CACHE_NEEDS_FLASH_ATTENTION, type="q8_0")
    assert pattern.fullmatch(ended.complaints[-1])


@pytest.mark.slow
def test_devices_take_their_shares(starter: Path, worker: str) -> None:
    with working() as (_, second):
        options = ("--worker", worker, "--worker", second, "--context", "512")
        ready = loaded(starter, *options, "--device-shares", "3,1")
        caches = {device: one.kv_bytes for device, one in ready.memory.items()}
        # The output goes with the last layers: 24 and 6 of them have keys and values.
        assert caches["RPC0"] == pytest.approx(4 * caches["RPC1"], rel=0.01)
        assert caches["CPU"] == 0
        alone = loaded(starter, *options, "--device-shares", "0,1")
        assert "RPC0" not in alone.memory or alone.memory["RPC0"].weights_bytes == 0


@pytest.mark.slow
def test_experts_stay_in_ram(tmp_path: Path, converter: Path, worker: str) -> None:
    assert converter.is_dir()
    source = make_checkpoint("MixtralConfig", tmp_path / "mixtral", num_hidden_layers=4)
    file = tmp_path / "mixtral.gguf"
    assert run_verb("convert", str(source), "--level", "F16", "--to", str(file)).status == 0
    weights = {
        experts: {
            device: one.weights_bytes
            for device, one in loaded(
                file, "--worker", worker, "--gpu-layers", "5", "--experts-on-cpu", str(experts)
            ).memory.items()
        }
        for experts in (0, 1, 4)
    }
    # Four experts of three matrices, 256 by 512, in two bytes.
    of_a_layer = 4 * 3 * 256 * 512 * 2
    for experts, by_device in weights.items():
        moved = by_device["CPU"] - weights[0]["CPU"]
        assert moved == pytest.approx(experts * of_a_layer, rel=0.01)
        assert weights[0]["RPC0"] - by_device["RPC0"] == pytest.approx(moved, rel=0.01)


def limit(worker: Child, free_bytes: int) -> None:
    """Limit the worker's memory."""
    process = psutil.Process(worker.process.pid)
    most = process.memory_info().vms + free_bytes
    process.rlimit(psutil.RLIMIT_AS, (most, most))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_what_does_not_fit_steps_down_and_says_so(starter: Path) -> None:
    with working() as (worker, address):
        limit(worker, 90 * 2**20)
        options = ("--worker", address, "--context", "1024")
        with serving(starter, *SMALL, *options) as server:
            ready = server.ready
            notices = {
                e.code: e.details for e in server.child.events if isinstance(e, NoticeReported)
            }
            assert server.complete("The mill", **SAME)["usage"]["completion_tokens"] > 0
        assert 0 < ready.gpu_layers < 31
        assert notices[NoticeCode.FEWER_GPU_LAYERS] == {
            "layers": ready.gpu_layers,
            "total": 31,
            "context": 1024,
        }
        # The estimate was of another load.
        assert ready.estimated == {}
        with started("serve", *SMALL, *options, "--gpu-layers", "31", str(starter)) as child:
            child.end()
        failed = child.events[-1]
        assert isinstance(failed, Failed)
        assert failed.code is ErrorCode.OUT_OF_MEMORY
