"""How a process ended, in words."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from app.jobs.outcome import EXIT_CANCELED, ProcessOutcome


@pytest.mark.parametrize(
    ("returncode", "successful", "canceled", "crashed"),
    [
        (0, True, False, False),
        (1, False, False, False),
        (EXIT_CANCELED, False, True, False),
        (-11, False, False, True),
        (0xC0000005, False, False, True),
        (0xC0000005 - 2**32, False, False, True),
        (0xC0000409 - 2**32, False, False, True),
    ],
)
def test_kinds_of_end(returncode: int, successful: bool, canceled: bool, crashed: bool) -> None:
    outcome = ProcessOutcome.from_returncode(returncode)
    assert outcome.was_successful is successful
    assert outcome.was_canceled is canceled
    assert outcome.has_crashed is crashed


@pytest.mark.parametrize("status", [0xC0000005, 0xC0000005 - 2**32])
def test_windows_names_the_crash_whichever_sign_it_has(status: int) -> None:
    assert "it accessed invalid memory" in ProcessOutcome.from_returncode(status).describe()


def test_exit_status_in_words() -> None:
    assert ProcessOutcome.from_returncode(3).describe() == "it ended with exit status 3"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("name", ["SIGABRT", "SIGSEGV", "SIGKILL", "SIGTERM", "SIGUSR1"])
def test_a_real_child_that_dies_of_a_signal(name: str) -> None:
    number = getattr(signal, name)
    code = f"import os, resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); os.kill(os.getpid(), {int(number)})"  # noqa: E501
    died = subprocess.run([sys.executable, "-c", code], check=False)
    outcome = ProcessOutcome.from_returncode(died.returncode)
    assert outcome.has_crashed
    assert outcome.exit_code == 128 + number
    assert outcome.describe().endswith(f"({name})")
    assert outcome == ProcessOutcome.from_signal(number)


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (["/a/ggml.c:12: GGML_ASSERT(a == b) failed\n"], ": GGML_ASSERT(a == b) failed"),
        (["C:\\a\\b.cpp:1: no room: 3\n", "#0  main at b.cpp:4\n"], ": no room: 3"),
        (
            ["CUDA error: out of memory\n", "  in function alloc\n", "/a/b.cu:109: CUDA error\n"],
            ": CUDA error: out of memory",
        ),
        (["terminate called after\n", "  what():  unordered_map::at\n"], ": unordered_map::at"),
        (["30\t../epoll_wait.c: No such file\n", "loading\n"], ""),
        ([], ""),
    ],
)
def test_native_code_s_last_words_are_told(log: list[str], words: str) -> None:
    outcome = ProcessOutcome.from_signal(6)
    assert outcome.describe(log) == outcome.describe() + words


def test_an_unknown_signal_has_words_too() -> None:
    assert "signal 250" in ProcessOutcome.from_signal(250).describe()
