"""Control access to the server: API key, Host, Origin, and JSON bodies of bounded size."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.language import tr
from app.inference.server.protocol.bodies import error_response

_LARGEST_BODY_BYTES = 32 * 2**20
_TOO_LARGE = tr("the body is larger than 32 MiB")
_READ_TIMEOUT_SECONDS = 10
_OPEN_PATHS = frozenset({"/health"})


class AccessControl:
    """ASGI middleware: refuses requests before their bodies are read.

    A web page can reach loopback addresses, by name (DNS rebinding) or across origins; so the Host
    must be this server's, an Origin must exactly match an allowed one, and every route except
    `/health` needs the key.
    """

    def __init__(
        self,
        inner: ASGIApp,
        key: str,
        hosts: frozenset[str],
        origins: frozenset[str] = frozenset(),
    ) -> None:
        self._inner = inner
        self._key = key
        self._hosts = hosts
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or respond with an error."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin in self._origins:
            send = _sharing_with(origin, send)
        refusal = self._refusal(scope["method"], scope["path"], headers)
        if refusal is not None:
            status, reason = refusal
            await error_response(status, reason)(scope, receive, send)
        elif scope["method"] == "OPTIONS" and origin in self._origins:
            await Response(status_code=HTTPStatus.NO_CONTENT)(scope, receive, send)
        else:
            await self._inner(scope, _bounded(receive), send)

    def _refusal(
        self, method: str, path: str, headers: Mapping[bytes, bytes]
    ) -> tuple[HTTPStatus, str] | None:
        if headers.get(b"host", b"").decode("latin-1").lower() not in self._hosts:
            return HTTPStatus.FORBIDDEN, tr("the Host header is not an address of this server")
        origin = headers.get(b"origin")
        is_added = origin is not None and origin.decode("latin-1") in self._origins
        is_foreign = origin is not None or headers.get(b"sec-fetch-site") == b"cross-site"
        if is_foreign and not is_added:
            return HTTPStatus.FORBIDDEN, tr("web pages of this origin are not allowed")
        # A browser's preflight: OPTIONS, without the key.
        if path in _OPEN_PATHS or (is_added and method == "OPTIONS"):
            return None
        given = headers.get(b"authorization", b"")
        if not hmac.compare_digest(given, b"Bearer " + self._key.encode()):
            return HTTPStatus.UNAUTHORIZED, tr("the API key is missing or wrong")
        if method == "POST":
            return _body_refusal(headers)
        return None


def _body_refusal(headers: Mapping[bytes, bytes]) -> tuple[HTTPStatus, str] | None:
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind != b"application/json":
        return HTTPStatus.UNSUPPORTED_MEDIA_TYPE, tr("the content type must be application/json")
    length = headers.get(b"content-length", b"0")
    if not length.isdigit() or int(length) > _LARGEST_BODY_BYTES:
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE
    return None


def _sharing_with(origin: str, send: Send) -> Send:
    shared = [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-allow-headers", b"authorization, content-type"),
        (b"access-control-allow-methods", b"GET, POST"),
        (b"vary", b"origin"),
    ]

    async def send_shared(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *shared]}
        await send(message)

    return send_shared


def _bounded(receive: Receive) -> Receive:
    received, is_whole = 0, False

    async def receive_bounded() -> Message:
        nonlocal received, is_whole
        try:
            async with asyncio.timeout(None if is_whole else _READ_TIMEOUT_SECONDS):
                message = await receive()
        except TimeoutError as error:
            raise HTTPException(
                HTTPStatus.REQUEST_TIMEOUT, tr("the body did not arrive in time")
            ) from error
        is_whole = not message.get("more_body", False)
        received += len(message.get("body", b""))
        if received > _LARGEST_BODY_BYTES:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE)
        return message

    return receive_bounded
