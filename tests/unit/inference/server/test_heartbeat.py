"""The engine's sign of life: it stays out when the engine waits for what does not come."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.core.events import Event
from app.core.load_options import LoadOptions
from app.gguf_file.model import read_model
from app.inference.loading.loaded_model import LoadRequest
from app.inference.server.heartbeat import Heartbeat
from app.inference.session.engine_thread import EngineThread
from app.inference.session.session import Session
from tests.support.engine.tiny_model import write_tiny_model

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 1
SILENCE_SECONDS = 2
MANY_BEATS = 4

Beats = queue.SimpleQueue[Event]


@pytest.fixture
def engine(tmp_path: Path) -> EngineThread:
    model = write_tiny_model(tmp_path / "tiny.gguf")
    load_request = LoadRequest(
        read_model(model), LoadOptions(context=256, threads=1, extra_buffers=False)
    )
    engine = EngineThread(load_request, lambda _: None)
    engine.load()
    return engine


@pytest.fixture
def beats(engine: EngineThread) -> Beats:
    beats: Beats = queue.SimpleQueue()
    Heartbeat(beats.put, PATIENCE_SECONDS).follow(engine)
    return beats


@contextmanager
def busy(engine: EngineThread, *, works: bool) -> Iterator[None]:
    """Have the engine's thread work, or wait, for as long as the block runs."""
    begun, end = threading.Event(), threading.Event()

    def keep_busy(_: Session) -> None:
        begun.set()
        while works and not end.is_set():
            sum(range(100_000))
        end.wait()

    caller = threading.Thread(target=lambda: asyncio.run(engine.call(keep_busy)))
    caller.start()
    begun.wait()
    try:
        yield
    finally:
        end.set()
        caller.join()


def hear_many(beats: Beats) -> None:
    for _ in range(MANY_BEATS):
        beats.get(timeout=SILENCE_SECONDS)


def test_an_engine_that_waits_for_ever_falls_silent(engine: EngineThread, beats: Beats) -> None:
    with busy(engine, works=False), pytest.raises(queue.Empty):
        hear_many(beats)
    # It came to itself.
    hear_many(beats)


def test_long_work_is_life(engine: EngineThread, beats: Beats) -> None:
    with busy(engine, works=True):
        hear_many(beats)


def test_rest_is_life(beats: Beats) -> None:
    hear_many(beats)
