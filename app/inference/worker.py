"""The thread that owns the session: requests wait in a short queue and are answered in turn."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field

from app.core.errors import AppError, Cancelled, ErrorCode
from app.inference.loading import LoadWishes, Report
from app.inference.sampling import Sampling
from app.inference.session import AbortFlag, Session, Statistics

# Some pre-tokenizers recurse once for each letter of a long word.
STACK_BYTES = 512 * 2**20
_MOST_WAITING = 8


class BusyError(Exception):
    """As many requests as may wait are waiting already."""


@dataclass
class Generation:
    """One request on its way: what is asked for, and where the pieces of the reply go."""

    prompt: Callable[[Session], Sequence[int]]
    sampling: Sampling
    most_tokens: int | None
    stops: Sequence[str]
    statistics: Statistics = field(default_factory=Statistics)
    abort: AbortFlag = field(default_factory=AbortFlag)
    pieces: asyncio.Queue[str | Exception | None] = field(default_factory=asyncio.Queue)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    def put(self, piece: str | Exception | None) -> None:
        """Hand a piece to whoever waits for it; None ends the reply."""
        self.loop.call_soon_threadsafe(self.pieces.put_nowait, piece)


class EngineThread:
    """Loads a model on a thread with a large stack and answers one request after the other."""

    def __init__(self, wishes: LoadWishes, report: Report) -> None:
        self._wishes = wishes
        self._report = report
        self._waiting: queue.Queue[Generation] = queue.Queue(_MOST_WAITING)
        self._loaded = threading.Event()
        self._session: Session | None = None
        self._error: Exception | None = None

    def load(self) -> Session:
        """Start the thread and wait for the model.

        Raises:
            AppError: why it can't be loaded.
        """
        usual = threading.stack_size(STACK_BYTES)
        try:
            threading.Thread(target=self._run, name="engine", daemon=True).start()
        except RuntimeError as error:
            name, context = self._wishes.model.name, self._wishes.context
            raise AppError(ErrorCode.OUT_OF_MEMORY, model=name, context=context) from error
        finally:
            threading.stack_size(usual)
        self._loaded.wait()
        if self._session is None:
            raise self._error or RuntimeError("the engine thread ended")
        return self._session

    def submit(self, generation: Generation) -> AsyncGenerator[str, None]:
        """Queue a request; the pieces of its reply come from the iterator.

        Closing the iterator early stops the engine; the iterator raises why there is no reply.

        Raises:
            BusyError: when the queue is full.
        """
        try:
            self._waiting.put_nowait(generation)
        except queue.Full as error:
            raise BusyError from error
        return self._pieces(generation)

    @staticmethod
    async def _pieces(generation: Generation) -> AsyncGenerator[str, None]:
        try:
            while (piece := await generation.pieces.get()) is not None:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            generation.abort.set()

    def _run(self) -> None:
        try:
            self._session = Session(self._wishes, self._report)
        except Exception as error:  # noqa: BLE001 - raised again where the load is awaited
            self._error = error
            return
        finally:
            self._loaded.set()
        while True:
            self._answer(self._session, self._waiting.get())

    @staticmethod
    def _answer(session: Session, generation: Generation) -> None:
        try:
            if generation.abort.is_set:
                raise Cancelled
            reply = session.reply(
                generation.prompt(session),
                generation.sampling,
                generation.most_tokens,
                generation.stops,
                generation.statistics,
                generation.abort,
            )
            for piece in reply:
                generation.put(piece)
            generation.put(None)
        except Cancelled:
            generation.put(None)
        except Exception as error:  # noqa: BLE001 - goes to whoever asked
            generation.put(error)
