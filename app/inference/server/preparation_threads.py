"""Prepare requests for the engine on threads: parse, render and tokenize them.

On the event loop's or the engine's thread, that would delay all other requests. Long requests queue
on one thread of low priority; short ones never wait for them.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from app.inference.session.engine_thread import BusyError
from app.machine.cores import lower_thread_priority

LONG_BYTES = 64 * 1024
# Some pre-tokenizers recurse once per character of a run, llguidance once per nested schema.
_STACK_BYTES = 512 * 2**20
_SHORT_THREADS, _LONG_THREADS = 3, 1
_MAX_WAITING = 32
Result = TypeVar("Result")
_Work = tuple[Future[Any], Callable[[], Any]]


class Preparation:
    """The threads, which end with the process."""

    def __init__(self) -> None:
        self._short = _Lane(_SHORT_THREADS, lambda: None)
        self._long = _Lane(_LONG_THREADS, lower_thread_priority)

    async def run(self, function: Callable[[], Result], *, is_long: bool) -> Result:
        """Call a function on a thread for short or for long requests, and return its result.

        Raises:
            BusyError: the queue is full.
        """
        lane = self._long if is_long else self._short
        return await asyncio.wrap_future(lane.submit(function))


class _Lane:
    def __init__(self, threads: int, begin: Callable[[], None]) -> None:
        self._waiting: queue.Queue[_Work] = queue.Queue(_MAX_WAITING)
        self._begin = begin
        usual = threading.stack_size(_STACK_BYTES)
        try:
            for _ in range(threads):
                threading.Thread(target=self._work, name="preparation", daemon=True).start()
        finally:
            threading.stack_size(usual)

    def submit(self, function: Callable[[], Result]) -> Future[Result]:
        future: Future[Result] = Future()
        try:
            self._waiting.put_nowait((future, function))
        except queue.Full as error:
            raise BusyError from error
        return future

    def _work(self) -> None:
        self._begin()
        while True:
            # Keep no reference after the call: a request may be large.
            _fulfill(*self._waiting.get())


def _fulfill(future: Future[Any], function: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function())
    except BaseException as error:  # noqa: BLE001 - passed to the caller
        future.set_exception(error)
