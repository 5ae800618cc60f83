"""The engine test: run in a child process, remembered, and reported if it fails.

A small library laid under the engine stands for the fault of gcc 12 on machines with AMX: it
crashes where a tensor lies in an extra buffer type, which the safe setting leaves out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from app.core import paths
from app.core.errors import ErrorCode, NoticeCode
from app.core.events import Event, Failed, Finished, NoticeReported, Ready
from app.inference.self_test import probe
from app.inference.self_test.probe import engine_setting, forget_setting
from app.inference.self_test.safe_settings import EngineSetting
from app.jobs.outcome import EXIT_FAILED
from app.native.devices import Device
from app.native.library import engine_fingerprint
from tests.processes.serving import serving
from tests.support.engine.tiny_model import write_tiny_model
from tests.support.machine.verbs import run_verb, sentence_of, started

CRASH_IN_EXTRA_BUFFERS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
bool ggml_cpu_extra_compute_forward(void *parameters, void *tensor) {
    void *library = dlopen("libggml-cpu.so.0", RTLD_NOW | RTLD_NOLOAD);
    bool (*real)(void *, void *) = dlsym(library, "ggml_cpu_extra_compute_forward");
    if (real(parameters, tensor)) raise(SIGSEGV);
    return false;
}
"""
ABORT_IN_FLASH_ATTENTION = """
#include <stdlib.h>
void *ggml_flash_attn_ext(void) { abort(); }
"""
CRASH_ALWAYS = """
#include <signal.h>
#include <stdbool.h>
bool ggml_cpu_extra_compute_forward(void *parameters, void *tensor) {
    raise(SIGILL);
    return false;
}
"""
CRASH_AT_LOAD = """
#include <stdlib.h>
void *ggml_backend_sched_new(void) { abort(); }
"""
needs_preload = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("gcc") is None, reason="needs Linux and gcc"
)


def lay_under(source: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every child of this test call the functions in `source` instead of the engine's."""
    library = folder / "fault.so"
    (folder / "fault.c").write_text(source)
    command = ["gcc", "-shared", "-fPIC", "-o", str(library), str(folder / "fault.c"), "-ldl"]
    subprocess.run(command, check=True)
    monkeypatch.setenv("LD_PRELOAD", str(library))


def remembered() -> dict[str, EngineSetting]:
    return msgspec.json.decode(paths.engine_file().read_bytes(), type=dict[str, EngineSetting])


def refuse_probing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make probes fail from now on, for lack of an interpreter."""
    monkeypatch.setattr(sys, "executable", os.devnull)


def test_the_probe_in_this_machine_works_with_the_safe_setting() -> None:
    with started("probe", "--without", "extra_buffers") as child:
        assert child.end() == 0
    assert child.events == [Finished()]
    assert run_verb("probe", "--without", "extra_buffers").status == 0


def test_what_was_found_is_remembered_and_not_probed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[Event] = []
    found = engine_setting(told.append)
    assert remembered() == {engine_fingerprint(): found}
    notices = list(told)
    refuse_probing(monkeypatch)
    assert engine_setting(told.append) == found
    assert told == notices
    forget_setting()
    with pytest.raises(OSError, match=os.devnull):
        engine_setting(told.append)


def test_another_build_or_machine_is_probed_and_the_others_kept() -> None:
    other = {"another machine": EngineSetting(("extra_buffers",), "it crashed")}
    paths.engine_file().write_bytes(msgspec.json.encode(other))
    found = engine_setting(lambda _: None)
    assert remembered() == other | {engine_fingerprint(): found}


def test_a_want_of_memory_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    found = EngineSetting(("graphics_card",), "it gave up: CUDA error: out of memory")
    monkeypatch.setattr(probe, "probe_engine", lambda: found)
    told: list[Event] = []
    assert engine_setting(told.append) == found
    assert [notice.code for notice in told if isinstance(notice, NoticeReported)] == [
        "safe_setting"
    ]
    monkeypatch.setattr(probe, "probe_engine", EngineSetting)
    full = Device("CUDA0", "CUDA", "", True, False, 0, 0)
    monkeypatch.setattr(probe, "devices", lambda: (full,))
    assert engine_setting(told.append) == EngineSetting()
    assert not paths.engine_file().exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"a": 5}', b"\xff"])
def test_a_damaged_memory_is_written_anew(content: bytes) -> None:
    paths.engine_file().write_bytes(content)
    found = engine_setting(lambda _: None)
    assert remembered() == {engine_fingerprint(): found}


def test_first_starts_at_the_same_time_all_succeed(home: Path, tmp_path: Path) -> None:
    model = str(write_tiny_model(tmp_path / "tiny.gguf"))
    with ExitStack() as stack:
        for child in [stack.enter_context(started("serve", model)) for _ in range(3)]:
            event = child.read_until(lambda event: isinstance(event, Ready | Failed))
            assert isinstance(event, Ready)
    assert list(remembered()) == [engine_fingerprint()]
    assert [path.name for path in home.glob("probe*")] == ["probe.gguf"]
    assert list((home / "unfinished").iterdir()) == []


@needs_preload
def test_a_crash_steps_to_the_safe_setting_says_so_once_and_chats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf", context=2048, template="{{ messages }}")
    lay_under(CRASH_IN_EXTRA_BUFFERS, tmp_path, monkeypatch)
    with started("probe") as child:
        assert child.end() < 0
    first = run_verb("chat", str(model), "Hello", "--max-tokens", "5", "--context", "2048")
    assert first.status == 0
    (notice,) = first.complaints
    assert notice == (
        "The engine crashed in its test on this processor (it accessed invalid memory "
        "(SIGSEGV)), so it runs with safe settings: without extra buffer types, somewhat slower."
    )
    (setting,) = remembered().values()
    reason = "it accessed invalid memory (SIGSEGV)"
    assert setting == EngineSetting(("extra_buffers",), reason)
    second = run_verb("chat", str(model), "Hello", "--max-tokens", "5", "--context", "2048")
    assert (second.status, second.complaints) == (0, [])
    with serving(model, "--context", "2048") as server:
        assert not any(isinstance(event, NoticeReported) for event in server.child.events)
        assert server.chat("Hello", max_tokens=5)["usage"]["completion_tokens"] > 0


@needs_preload
def test_without_the_probe_the_fault_would_take_the_engine_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault must be effective, or the other tests would pass without it."""
    model = write_tiny_model(tmp_path / "tiny.gguf", context=2048, template="{{ messages }}")
    full_speed = {engine_fingerprint(): EngineSetting()}
    paths.engine_file().write_bytes(msgspec.json.encode(full_speed))
    lay_under(CRASH_IN_EXTRA_BUFFERS, tmp_path, monkeypatch)
    ended = run_verb("chat", str(model), "Hello", "--max-tokens", "5", "--context", "2048")
    assert ended.status == EXIT_FAILED
    (line,) = ended.complaints
    assert sentence_of(ErrorCode.ENGINE_STOPPED).fullmatch(line)
    assert "(SIGSEGV)" in line


@needs_preload
@pytest.mark.parametrize(
    ("source", "signal_name"),
    [(CRASH_ALWAYS, "SIGILL"), (CRASH_AT_LOAD, "SIGABRT")],
    ids=["at the first token", "while loading"],
)
def test_an_engine_that_never_works_is_named_and_tried_again_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, signal_name: str
) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf")
    lay_under(source, tmp_path, monkeypatch)
    ended = run_verb("chat", str(model), "Hello", "--max-tokens", "1")
    assert ended.status == EXIT_FAILED
    (line,) = ended.complaints
    assert sentence_of(ErrorCode.ENGINE_BROKEN).fullmatch(line)
    assert f"({signal_name})" in line
    assert not paths.engine_file().exists()
    monkeypatch.delenv("LD_PRELOAD")
    with started("serve", str(model)) as child:
        assert isinstance(child.read_until(lambda event: isinstance(event, Ready | Failed)), Ready)


@needs_preload
def test_self_test_steps_too_and_forgets_when_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, converter: Path
) -> None:
    lay_under(CRASH_IN_EXTRA_BUFFERS, tmp_path, monkeypatch)
    with started("self-test") as child:
        assert child.end() == 0
    notice, finished = child.events
    assert isinstance(notice, NoticeReported)
    assert notice.code is NoticeCode.SAFE_SETTING
    assert isinstance(finished, Finished)
    assert finished.details["without"] == "extra buffer types"
    assert "SIGSEGV" in str(finished.details["reason"])
    monkeypatch.delenv("LD_PRELOAD")
    for arguments, is_probed in (((), False), (("--again",), True), ((), True)):
        with started("self-test", *arguments) as child:
            assert child.end() == 0
        assert (child.events[-1] != finished) == is_probed


@needs_preload
def test_a_person_can_go_back_to_the_full_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, converter: Path
) -> None:
    lay_under(CRASH_IN_EXTRA_BUFFERS, tmp_path, monkeypatch)
    with started("self-test") as child:
        assert child.end() == 0
    with started("self-test", "--full") as child:
        assert child.end() == 0
    (finished,) = child.events
    assert isinstance(finished, Finished)
    assert finished.details == {"without": "", "reason": ""}
    assert remembered() == {engine_fingerprint(): EngineSetting(is_chosen=True)}
    with started("self-test", "--again") as child:
        assert child.end() == 0
    (setting,) = remembered().values()
    assert setting.disabled_features == ("extra_buffers",)


@needs_preload
def test_another_crash_leads_to_another_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_under(ABORT_IN_FLASH_ATTENTION, tmp_path, monkeypatch)
    found = engine_setting(lambda _: None)
    assert found.disabled_features == ("flash_attention",)
    assert "(SIGABRT)" in found.reason
