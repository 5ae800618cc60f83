"""Threads on which requests are made ready for the engine: read, rendered and tokenized.

None of that happens on the thread of the sockets, nor on the engine's, where it would hold up all
others. Long requests wait for one another, on one thread that gives way to the rest of the program;
short ones never wait for them.
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
# Some pre-tokenizers recurse once for each letter of a run, llguidance from schema to schema.
_STACK_BYTES = 512 * 2**20
_SHORT_THREADS, _LONG_THREADS = 3, 1
_MOST_WAITING = 32
Result = TypeVar("Result")
_Work = tuple[Future[Any], Callable[[], Any]]


class Preparation:
    """The threads; they end with the process."""

    def __init__(self) -> None:
        self._short = _Lane(_SHORT_THREADS, lambda: None)
        self._long = _Lane(_LONG_THREADS, lower_thread_priority)

    async def run(self, function: Callable[[], Result], *, is_long: bool) -> Result:
        """What a function gives, called among the short ones or the long ones.

        Raises:
            BusyError: as many as may wait are waiting already.
        """
        lane = self._long if is_long else self._short
        return await asyncio.wrap_future(lane.submit(function))


class _Lane:
    def __init__(self, threads: int, begin: Callable[[], None]) -> None:
        self._waiting: queue.Queue[_Work] = queue.Queue(_MOST_WAITING)
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
            # No name outlives the call: a request may be large.
            _carry_out(*self._waiting.get())


def _carry_out(future: Future[Any], function: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function())
    except BaseException as error:  # noqa: BLE001 - goes to whoever asked
        future.set_exception(error)
