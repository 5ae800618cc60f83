"""The engine computes with the cores that other programs leave, unless it was told a number."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.core.load_options import LoadOptions
from app.gguf_file.model import read_model
from app.inference.loading.loaded_model import LoadRequest
from app.inference.sampling.parameters import SamplingParameters
from app.inference.session.generation import Generation
from app.inference.session.session import Session
from app.inference.session.thread_count import affordable_threads
from app.machine.contention import allowed_cores
from app.native.library import load_llama
from tests.support.engine.tiny_model import write_tiny_model

_CORES = len(allowed_cores())
_SECONDS = 30


@contextmanager
def _busy_cores() -> Iterator[None]:
    others = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * _CORES)
    ]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_tiny_model(tmp_path / "tiny.gguf")


def _opened(model: Path, threads: int | None) -> Session:
    options = LoadOptions(context=256, threads=threads, extra_buffers=False)
    return Session(LoadRequest(read_model(model), options), lambda _: None)


def _threads(session: Session) -> int:
    threads: int = load_llama().llama_n_threads(session.loaded.context)
    return threads


def _write_until(session: Session, is_reached: Callable[[], bool]) -> bool:
    ends = time.monotonic() + _SECONDS
    while not is_reached() and time.monotonic() < ends:
        asked = Generation(session.vocabulary.tokenize_prompt("The mill"), SamplingParameters(), 32)
        for _ in session.stream_reply(asked):
            pass
    return is_reached()


def test_threads_give_way_to_other_programs(model: Path) -> None:
    with _opened(model, None) as session, _busy_cores():
        assert _write_until(session, lambda: _threads(session) == 1)


@pytest.mark.parametrize(
    ("others", "threads"), [(0.0, 4), (0.3, 4), (0.5, 3), (1.4, 3), (2.0, 2), (3.9, 1), (9.0, 1)]
)
def test_threads_come_back_with_the_cores(others: float, threads: int) -> None:
    assert affordable_threads(4, others, 4) == threads
    assert affordable_threads(4, others, 2) == min(threads, 2)


def test_a_number_that_was_told_stays(model: Path) -> None:
    with _opened(model, 2) as session, _busy_cores():
        ends = time.monotonic() + 1
        _write_until(session, lambda: time.monotonic() > ends)
        assert _threads(session) == 2
