"""How pieces get from the engine's thread to the loop: gathered, in order, the end at once."""

from __future__ import annotations

import asyncio

import pytest

from app.core.errors import AppError, Canceled, ErrorCode
from app.inference.session import delivery as module
from app.inference.session.delivery import Delivery
from app.inference.session.generation import Piece, TokenProbability

FOREVER = 3600.0


async def idle() -> None:
    """Let everything happen that is due."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_the_first_piece_goes_at_once_and_what_follows_is_gathered_until_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_GATHERING_SECONDS", FOREVER)

    async def run() -> None:
        delivery = Delivery()
        pieces = delivery.pieces()
        delivery.put(Piece("a"))
        assert await anext(pieces) == Piece("a")
        rest = asyncio.ensure_future(anext(pieces))
        delivery.put(Piece("b", tokens=2))
        await idle()
        assert not rest.done()
        delivery.put(Piece("c", tokens=1))
        delivery.put(None)
        assert await rest == Piece("bc", tokens=3)
        assert [piece async for piece in pieces] == []

    asyncio.run(run())


def test_what_was_gathered_goes_when_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GATHERING_SECONDS", 0.0)

    async def run() -> None:
        delivery = Delivery()
        pieces = delivery.pieces()
        first, second = (TokenProbability(number, b"", -1.0) for number in (1, 2))
        for _ in range(3):
            delivery.put(Piece("a", (first,)))
            delivery.put(Piece("b", (second,)))
            assert await anext(pieces) == Piece("ab", (first, second))
            await idle()

    asyncio.run(run())


@pytest.mark.parametrize("end", [None, Canceled(), AppError(ErrorCode.INTERNAL, detail="")])
def test_the_end_comes_after_the_text(end: Exception | None) -> None:
    async def run() -> None:
        delivery = Delivery()
        pieces = delivery.pieces()
        delivery.put(Piece("a"))
        delivery.put(end)
        assert await anext(pieces) == Piece("a")
        expected = AppError if isinstance(end, AppError) else StopAsyncIteration
        with pytest.raises(expected):
            await anext(pieces)

    asyncio.run(run())
