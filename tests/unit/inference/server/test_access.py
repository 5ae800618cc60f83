"""The guard around the server, where a real one would have to be waited for."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator

import pytest
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from app.inference.server import access


def read_all(messages: list[Message]) -> list[Message]:
    """What the application receives of a request that then falls silent."""
    arriving: Iterator[Message] = iter(messages)

    async def receive() -> Message:
        for message in arriving:
            return message
        return await asyncio.Future()

    async def read() -> list[Message]:
        take = access._bounded(receive)
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
    monkeypatch.setattr(access, "_READ_TIMEOUT_SECONDS", 0.01)
    with pytest.raises(HTTPException) as raised:
        read_all([part(b"x", more=True)])
    assert raised.value.status_code == 408


KEY, HOST, ADDED = "secret", "127.0.0.1:8080", "http://127.0.0.1:3000"
HOSTS = (HOST, "localhost:8080", "evil.example:8080", "127.0.0.1:80", "")
ORIGINS = (None, "", "null", ADDED, ADDED + ".evil.example", "http://evil.example", ADDED + "/")
SITES = (None, "cross-site", "same-origin")
KEYS = (None, "", "Bearer wrong", "Bearer secret", "bearer secret", "Basic secret")
KINDS = (None, "application/json", "application/json; charset=utf-8", "text/plain", "")
ROUTES = (
    ("GET", "/health"),
    ("GET", "/v1/models"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/responses"),
    ("OPTIONS", "/v1/responses"),
    ("OPTIONS", "/v1/chat/completions"),
)


async def _inner(scope: Scope, receive: Receive, send: Send) -> None:
    await Response(status_code=200)(scope, receive, send)


def answer(method: str, path: str, headers: dict[str, str | None]) -> tuple[int, dict[str, str]]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [
            (name.encode(), value.encode()) for name, value in headers.items() if value is not None
        ],
    }
    hosts = frozenset({HOST, "localhost:8080"})
    guarded = access.AccessControl(_inner, KEY, hosts, frozenset({ADDED}))
    asyncio.run(guarded(scope, receive, send))
    return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}


def wanted_status(
    route: tuple[str, str], host: str, origin: str | None, site: str | None, key: str | None
) -> int:
    """The table: what a request with a JSON body must get."""
    if host not in HOSTS[:2]:
        return 403
    if origin != ADDED and (origin is not None or site == "cross-site"):
        return 403
    if route[0] == "OPTIONS" and origin == ADDED:
        return 204
    if route[1] == "/health":
        return 200
    return 200 if key == "Bearer secret" else 401


def test_every_cell_of_the_security_matrix() -> None:
    for route, host, origin, site, key in itertools.product(ROUTES, HOSTS, ORIGINS, SITES, KEYS):
        given = {
            "host": host,
            "origin": origin,
            "sec-fetch-site": site,
            "authorization": key,
            "content-type": "application/json",
        }
        status, headers = answer(*route, given)
        assert status == wanted_status(route, host, origin, site, key), (route, given)
        shared = headers.get("access-control-allow-origin")
        assert shared == (ADDED if origin == ADDED else None), given


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_must_be_json(kind: str | None) -> None:
    given = {"host": HOST, "authorization": "Bearer secret", "content-type": kind}
    status, _ = answer("POST", "/v1/completions", given)
    assert status == (200 if kind and kind.startswith("application/json") else 415)
