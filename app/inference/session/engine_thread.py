"""Run the session on its own thread; requests wait in short queues until a slot is free."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future
from typing import TypeVar

from app.core.errors import AppError, Canceled, ErrorCode
from app.inference.loading.loaded_model import LoadRequest, Report
from app.inference.session.delivery import Delivery
from app.inference.session.generation import Generation, Piece
from app.inference.session.session import Session

# Some pre-tokenizers recurse once per character of a long word.
STACK_BYTES = 512 * 2**20
_MAX_WAITING = 8
_REST_SECONDS = 0.2
"""After this much silence the thread does housekeeping: no further request is imminent."""
Result = TypeVar("Result")
_Waiting = Generation | Callable[[Session], None]


class BusyError(Exception):
    """The queue is full."""


class EngineThread:
    """Loads a model on a thread with a large stack, and generates its replies there.

    `is_idle` is set while there is no request.
    """

    def __init__(self, load_request: LoadRequest, report: Report) -> None:
        self._load_request = load_request
        self._report = report
        self._light: deque[_Waiting] = deque()
        self._heavy: deque[Generation] = deque()
        self._arrival = threading.Condition()
        self._loaded = threading.Event()
        self._session: Session | None = None
        self._error: Exception | None = None
        self.is_idle = False

    def load(self) -> Session:
        """Start the thread and wait for the model.

        Raises:
            AppError: the reason it can't be loaded.
        """
        default = threading.stack_size(STACK_BYTES)
        try:
            threading.Thread(target=self._run, name="engine", daemon=True).start()
        except RuntimeError as error:
            name, context = self._load_request.model.path.name, self._load_request.context
            raise AppError(ErrorCode.OUT_OF_MEMORY, model=name, context=context) from error
        finally:
            threading.stack_size(default)
        self._loaded.wait()
        if self._session is None:
            raise self._error or RuntimeError("engine thread ended")
        return self._session

    @property
    def active_replies(self) -> int:
        """The number of replies being generated."""
        return self._session.active_replies if self._session else 0

    @property
    def has_devices(self) -> bool:
        """True if layers are on devices other than this machine's CPU."""
        return self._session is not None and self._session.loaded.gpu_layers > 0

    @property
    def waiting(self) -> int:
        """The number of requests waiting for a slot."""
        return len(self._light) + len(self._heavy)

    def prepare(self, generation: Generation) -> None:
        """Prepare a request on the caller's thread; the model must be loaded.

        Raises:
            AppError: `request_invalid` or `context_full`.
        """
        if self._session is not None:
            self._session.prepare(generation)

    def submit(
        self, generation: Generation, *, is_followup: bool = False
    ) -> AsyncGenerator[Piece, None]:
        """Queue a request and return the pieces of its reply.

        Closing the iterator early stops the reply; the iterator raises the error that ended it. A
        further reply of an accepted request is always accepted.

        Raises:
            BusyError: the queue is full.
        """
        delivery = Delivery()
        generation.deliver = delivery.put
        waiting = self._heavy if generation.is_heavy else self._light
        if len(waiting) >= _MAX_WAITING and not is_followup:
            generation.end()
            raise BusyError
        with self._arrival:
            waiting.append(generation)
            self._arrival.notify()
        return self._pieces(generation, delivery)

    async def _pieces(
        self, generation: Generation, delivery: Delivery
    ) -> AsyncGenerator[Piece, None]:
        async with contextlib.aclosing(delivery.pieces()) as pieces:
            try:
                async for piece in pieces:
                    yield piece
            finally:
                self._cancel(generation)

    async def call(self, function: Callable[[Session], Result]) -> Result:
        """Run a function of the session on its thread, between two steps, and return its result.

        Raises:
            BusyError: the queue is full.
        """
        future: Future[Result] = Future()

        def run(session: Session) -> None:
            try:
                future.set_result(function(session))
            except Exception as error:  # noqa: BLE001 - passed to the caller
                future.set_exception(error)

        if len(self._light) >= _MAX_WAITING:
            raise BusyError
        with self._arrival:
            self._light.append(run)
            self._arrival.notify()
        return await asyncio.wrap_future(future)

    def _cancel(self, generation: Generation) -> None:
        if not generation.is_finished and self._session is not None:
            generation.is_canceled = True
            self._session.interrupt()

    def _run(self) -> None:
        try:
            self._session = Session(self._load_request, self._report)
        except Exception as error:  # noqa: BLE001 - raised again where the load is awaited
            self._error = error
            return
        finally:
            self._loaded.set()
        while True:
            self._begin_waiting(self._session)
            self._session.step()

    def _next(self, session: Session) -> _Waiting | None:
        """Return the next request that can begin now, if any: light ones come first."""
        if self._light and session.has_room:
            return self._light.popleft()
        if self._heavy and session.has_room_for_slow_reply:
            return self._heavy.popleft()
        return None

    def _await_next(self, session: Session) -> _Waiting | None:
        """Return the next request; wait for it if there is nothing else to do."""
        with self._arrival:
            waiting = self._next(session)
            if waiting is not None or session.is_busy:
                return waiting
            self.is_idle = True
            try:
                if not self._arrival.wait_for(lambda: self.waiting, _REST_SECONDS):
                    session.tidy()
                    self._arrival.wait_for(lambda: self.waiting)
                return self._next(session)
            finally:
                self.is_idle = False

    def _begin_waiting(self, session: Session) -> None:
        """Begin waiting requests while there are free slots."""
        while (waiting := self._await_next(session)) is not None:
            if not isinstance(waiting, Generation):
                waiting(session)
            elif waiting.is_canceled:
                waiting.end(Canceled())
            else:
                session.begin(waiting)
