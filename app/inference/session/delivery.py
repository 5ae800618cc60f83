"""Deliver a reply's pieces from the engine's thread to the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from itertools import chain

from app.core.errors import Canceled
from app.inference.session.generation import Piece

_GATHERING_SECONDS = 0.05
"""A few frames of a window that shows the text: faster updates can't be read."""


class Delivery:
    """Takes a reply's pieces on the engine's thread, and yields them on the event loop.

    Sending takes time from the model's own threads. So the first piece goes out immediately, but
    pieces within `_GATHERING_SECONDS` of the last one sent are joined.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Piece | Exception | None] = deque()
        self._wake = asyncio.Event()
        self._is_gathering = False

    def put(self, piece: Piece | Exception | None) -> None:
        """Hand a piece over; an exception or None ends the reply."""
        self._waiting.append(piece)
        if not self._is_gathering or not isinstance(piece, Piece):
            self._is_gathering = True
            self._loop.call_soon_threadsafe(self._wake.set)

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        """Yield the pieces as they arrive; raise the error that ended the reply."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            taken = [self._waiting.popleft() for _ in range(len(self._waiting))]
            pieces = [piece for piece in taken if isinstance(piece, Piece)]
            if pieces:
                yield _joined(pieces)
            match taken[len(pieces) :]:
                case [None | Canceled()]:
                    return
                case [Exception() as error]:
                    raise error
            self._loop.call_later(_GATHERING_SECONDS, self._send_gathered)

    def _send_gathered(self) -> None:
        # In this order: a piece put in between is either seen here or sets the event itself.
        self._is_gathering = False
        if self._waiting:
            self._is_gathering = True
            self._wake.set()


def _joined(pieces: Sequence[Piece]) -> Piece:
    probabilities = chain.from_iterable(piece.probabilities for piece in pieces)
    tokens = sum(piece.tokens for piece in pieces)
    return Piece("".join(piece.text for piece in pieces), tuple(probabilities), tokens)
