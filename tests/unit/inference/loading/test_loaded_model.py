"""A load when memory is short: the context gives way for real, layers on made-up devices."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import AppError, ErrorDetails, NoticeCode
from app.core.events import Event, NoticeReported
from app.core.load_options import LoadOptions
from app.gguf_file.model import read_model
from app.inference.loading import loaded_model
from app.inference.loading.engine_parameters import model_parameters
from app.inference.loading.loaded_model import LoadRequest, opened_model
from app.native.devices import Device
from tests.support.checkpoints.vocabularies import vocabulary_file, write_model_on
from tests.support.engine.tiny_model import write_tiny_model

CONTEXT = 2**18
FREE_BYTES = 400 * 2**20
LOADING = """
import json, resource, sys
from pathlib import Path
import psutil
from app.core.errors import AppError
from app.core.events import NoticeReported
from app.core.load_options import LoadOptions
from app.gguf_file.model import read_model
from app.inference.loading.loaded_model import LoadRequest, opened_model
from app.native.library import load_llama

load_llama()
model, context, free_bytes, shrinks = sys.argv[1], *map(int, sys.argv[2:])
most = psutil.Process().memory_info().vms + free_bytes
resource.setrlimit(resource.RLIMIT_AS, (most, most))
options = LoadOptions(context=context, threads=1, micro_batch=32)
load_request = LoadRequest(read_model(Path(model)), options, shrinks_context=bool(shrinks))
told = []
try:
    with opened_model(load_request, told.append) as loaded:
        notices = [[e.code, e.details] for e in told if isinstance(e, NoticeReported)]
        print(json.dumps([loaded.context_tokens, loaded.memory["CPU"].kv_bytes, notices]))
except AppError as error:
    print(json.dumps([error.code, error.details]))
"""
"""Loads a model in a process that may take no more than so much memory."""


def loaded(model: Path, *, shrinks_context: bool) -> list[Any]:
    words = [str(CONTEXT), str(FREE_BYTES), str(int(shrinks_context))]
    child = subprocess.run(
        [sys.executable, "-c", LOADING, str(model), *words],
        capture_output=True,
        check=True,
    )
    told: list[Any] = json.loads(child.stdout)
    return told


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_context_that_does_not_fit_is_halved_until_it_does(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf", context=CONTEXT)
    # Keys and values of one layer, 512 wide, in two bytes: 512 MiB for all of it.
    context, kv_bytes, notices = loaded(model, shrinks_context=True)
    assert context in (CONTEXT // 2, CONTEXT // 4)
    assert kv_bytes == context * 512 * 2 * 2
    assert notices == [["smaller_context", {"context": context, "wished": CONTEXT}]]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_context_that_must_stay_is_refused(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf", context=CONTEXT)
    code, facts = loaded(model, shrinks_context=False)
    assert (code, facts) == ("out_of_memory", {"model": "tiny.gguf", "context": CONTEXT})


def device(free_bytes: int, total_bytes: int = 2**33) -> Device:
    return Device("CUDA0", "CUDA", "", True, False, free_bytes, total_bytes)


def loaded_here(model: Path, gpu_layers: int | None) -> tuple[int, list[NoticeReported]]:
    """The layers that a load in this process puts on devices, and what it says."""
    told: list[Event] = []
    options = LoadOptions(context=256, threads=1, gpu_layers=gpu_layers)
    with opened_model(LoadRequest(read_model(model), options), told.append) as loaded:
        return loaded.step.gpu_layers, [one for one in told if isinstance(one, NoticeReported)]


@pytest.mark.slow
def test_a_full_device_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf")
    monkeypatch.setattr(loaded_model, "devices", lambda: (device(0, total_bytes=0),))
    details: ErrorDetails = {"layers": 0, "total": 2, "context": 256}
    assert loaded_here(model, None) == (0, [NoticeReported(NoticeCode.FEWER_GPU_LAYERS, details)])
    with pytest.raises(AppError, match="out_of_memory"):
        loaded_here(model, 1)


@pytest.mark.slow
def test_layers_that_leave_nothing_for_the_first_prompt_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf")
    monkeypatch.setattr(loaded_model, "devices", lambda: (device(2**26),))
    assert loaded_here(model, None)[0] == 0
    assert loaded_here(model, 2)[0] == 2
    monkeypatch.setattr(loaded_model, "devices", lambda: (device(2**30),))
    assert loaded_here(model, None)[0] == 2


@pytest.mark.slow
def test_who_wants_no_layer_on_devices_leaves_their_memory_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked() -> tuple[Device, ...]:
        raise AssertionError

    monkeypatch.setattr(loaded_model, "devices", looked)
    assert loaded_here(write_tiny_model(tmp_path / "tiny.gguf"), 0) == (0, [])
    parameters = model_parameters(LoadOptions(), 0, 0, None, is_mapped=True)
    assert ctypes.c_void_p.from_address(parameters.structure.devices).value is None


@pytest.mark.slow
def test_what_the_engine_warns_of_is_told_in_one_line(converter: Path, tmp_path: Path) -> None:
    model = write_model_on(vocabulary_file(converter, "gpt-2"), tmp_path / "m.gguf", context=256)
    assert loaded_here(model, 0) == (0, [])
    model.write_bytes(model.read_bytes().replace(b"tokenizer.ggml.pre", b"tokenizer.ggml.odd"))
    _, notices = loaded_here(model, 0)
    details: ErrorDetails = {
        "model": "m.gguf",
        "warning": "missing pre-tokenizer type, using: 'default'",
    }
    assert notices == [NoticeReported(NoticeCode.ENGINE_WARNING, details)]
