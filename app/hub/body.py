"""Response bodies, read with little processor time per byte."""

from __future__ import annotations

from collections.abc import Iterator

import httpcore2
import httpx2

from app.hub.failures import CONNECTION_LOST

_LARGE_BYTES = 2**27
"""Bodies from this size on are worth a connection that is not used again."""
_READ_BYTES = 2**20


def read_body(response: httpx2.Response) -> Iterator[bytes]:
    """Return the decoded body of a response as it arrives.

    Raises:
        HTTPError: The connection was lost or is silent.
    """
    length = content_length(response)
    if length is None or length < _LARGE_BYTES or "Transfer-Encoding" in response.headers:
        yield from response.iter_bytes()
        return
    # The library copies each byte four times. So far it has read on only a little.
    beginning = response.iter_raw()  # which closes the response when it goes out of scope
    chunk = next(beginning, b"")
    stream = response.extensions["network_stream"]
    seconds = response.request.extensions["timeout"]["read"]
    while chunk:
        yield chunk
        length -= len(chunk)
        if not length:
            return
        try:
            chunk = stream.read(min(_READ_BYTES, length), seconds)
        except httpcore2.TimeoutException as error:
            raise httpx2.ReadTimeout(CONNECTION_LOST) from error
        except httpcore2.NetworkError as error:
            raise httpx2.ReadError(CONNECTION_LOST) from error


def is_encoded(response: httpx2.Response) -> bool:
    """Return whether the body is compressed although we didn't request that."""
    return response.headers.get("Content-Encoding", "identity").lower() != "identity"


def content_length(response: httpx2.Response) -> int | None:
    """Return the announced number of bytes of the content itself, if it is known."""
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdecimal() and not is_encoded(response) else None
