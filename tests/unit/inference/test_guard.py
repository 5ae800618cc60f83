"""The guard around the server, where a real one would have to be waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message

from app.inference import guard


def read_all(messages: list[Message]) -> list[Message]:
    """What the application receives of a request that then falls silent."""
    arriving: Iterator[Message] = iter(messages)

    async def receive() -> Message:
        for message in arriving:
            return message
        return await asyncio.Future()

    async def read() -> list[Message]:
        take = guard._bounded(receive)
        received = [await take()]
        while received[-1].get("more_body"):
            received.append(await take())
        return received

    return asyncio.run(read())


def part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_in_parts_passes() -> None:
    messages = [part(b"a", more=True), part(b"", more=True), part(b"b", more=False)]
    assert read_all(messages) == messages


def test_a_body_that_grows_too_large_is_refused() -> None:
    half = b"x" * (16 * 2**20)
    with pytest.raises(HTTPException) as raised:
        read_all([part(half, more=True), part(half, more=True), part(b"x", more=False)])
    assert raised.value.status_code == 413


def test_a_body_that_does_not_arrive_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_READ_TIMEOUT_SECONDS", 0.01)
    with pytest.raises(HTTPException) as raised:
        read_all([part(b"x", more=True)])
    assert raised.value.status_code == 408
