"""HTTP client of the Hub and of the storage that it redirects to."""

from __future__ import annotations

import functools
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Self

import httpx2

from app import __version__
from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.core.network import require_network

_CONNECT_SECONDS = 15.0
_MAX_REDIRECTS = 10
_CONNECTED = ("connect_tcp.complete", "start_tls.complete")
_CLOSED = -1


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Return a TLS context with the trusted certificates, cached, as reading them takes 0.1 s."""
    return httpx2.create_ssl_context()


class HubClient:
    """Client that keeps connections open and sends the token only to the Hub's origin."""

    def __init__(self, endpoint: str, token: str | None, stall_seconds: float) -> None:
        """Prepare connections to the Hub at `endpoint`.

        Raises:
            AppError: `local_only`.
        """
        require_network()
        self.endpoint = endpoint
        self._origin = httpx2.URL(endpoint).origin
        self._authorization = {"Authorization": f"Bearer {token}"} if token else {}
        self._sockets: list[socket.socket] = []
        self._is_aborted = False
        self._client = httpx2.Client(
            headers={"User-Agent": f"gristmill/{__version__}", "Accept-Encoding": "identity"},
            verify=tls_context(),
            timeout=httpx2.Timeout(stall_seconds, connect=min(stall_seconds, _CONNECT_SECONDS)),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; none may be in use."""
        self._client.close()

    def abort(self) -> None:
        """End all requests at once, from any thread: they fail with an `httpx2.HTTPError`."""
        self._is_aborted = True
        for connection in self._sockets:
            _shut_down(connection)

    @contextmanager
    def head(self, address: str) -> Iterator[httpx2.Response]:
        """Request the Hub's own headers for a file, not those of the storage behind it."""
        with self._send("HEAD", address, {}, is_leaving=False) as response:
            yield response

    @contextmanager
    def get(self, address: str, headers: Mapping[str, str]) -> Iterator[httpx2.Response]:
        """Request a file, from wherever the Hub stores it; the caller reads the body."""
        with self._send("GET", address, headers, is_leaving=True) as response:
            yield response

    def is_hub(self, response: httpx2.Response) -> bool:
        """Return whether the response is from the Hub itself."""
        return response.url.origin == self._origin

    @contextmanager
    def _send(
        self, method: str, address: str, headers: Mapping[str, str], *, is_leaving: bool
    ) -> Iterator[httpx2.Response]:
        url = httpx2.URL(address)
        for _ in range(_MAX_REDIRECTS):
            is_own = url.origin == self._origin
            request = self._client.build_request(
                method,
                url,
                headers={**headers, **(self._authorization if is_own else {})},
                extensions={"trace": self._note_connection},
            )
            response = self._client.send(request, stream=True)
            try:
                target = _target_of(response)
                if target is None or (target.origin != self._origin and not is_leaving):
                    yield response
                    return
                url = target
            finally:
                response.close()
        raise AppError(ErrorCode.HUB_ANSWER, reason=tr("it redirects endlessly"))

    def _note_connection(self, event: str, details: Mapping[str, Any]) -> None:
        if event.endswith(_CONNECTED):
            connection = details["return_value"].get_extra_info("socket")
            opened = [one for one in self._sockets if one.fileno() != _CLOSED]
            self._sockets = [*opened, connection]
            if self._is_aborted:
                _shut_down(connection)


def _shut_down(connection: socket.socket) -> None:
    # Merely closing it would not wake a thread that waits for its data.
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _target_of(response: httpx2.Response) -> httpx2.URL | None:
    if not response.has_redirect_location:
        return None
    try:
        return response.url.join(response.headers["Location"])
    except httpx2.InvalidURL as error:
        raise AppError(
            ErrorCode.HUB_ANSWER, reason=tr("it redirects to an invalid address")
        ) from error
