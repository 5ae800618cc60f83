"""Query a server for the models that it offers; the server may be slow, broken or hostile."""

from __future__ import annotations

import socket
import time
from http import HTTPStatus
from typing import Annotated

import httpx2
import msgspec
from msgspec import Meta

from app import __version__
from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.endpoints.endpoint import Endpoint

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 15.0
_LARGEST_ANSWER = 4 * 2**20
_MAX_MODELS = 1000
_LONGEST_NAME = 256
_REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class _Entry(msgspec.Struct):
    id: Annotated[str, Meta(min_length=1)]


class _Models(msgspec.Struct):
    data: list[_Entry]


def offered_models(endpoint: Endpoint, key: str) -> tuple[str, ...]:
    """Return the names of a server's models in its order, at most 1,000 and only printable ones.

    Redirects are not followed, so that the key is sent only to its origin.

    Raises:
        AppError: `endpoint_unreachable`, `endpoint_refuses`, `endpoint_answer`.
    """
    body = _answer(endpoint, key)
    try:
        entries = msgspec.json.decode(body, type=_Models).data
    except (ValueError, RecursionError) as error:
        raise _unusable(endpoint, tr("its list of models can't be read")) from error
    names = dict.fromkeys(entry.id for entry in entries if _is_showable(entry.id))
    return tuple(names)[:_MAX_MODELS]


def _answer(endpoint: Endpoint, key: str) -> bytes:
    headers = {"User-Agent": f"gristmill/{__version__}", "Accept-Encoding": "identity"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    timeout = httpx2.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS)
    try:
        with httpx2.stream(
            "GET", f"{endpoint.url}/v1/models", headers=headers, timeout=timeout
        ) as response:
            _require_success(endpoint, response)
            return _body(endpoint, response)
    except httpx2.HTTPError as error:
        reason = _reason(error)
        raise AppError(ErrorCode.ENDPOINT_UNREACHABLE, url=endpoint.url, reason=reason) from error


def _reason(error: httpx2.HTTPError) -> str:
    """Return the reason for a failed request in words, without the system's error numbers."""
    if "certificate" in str(error).lower():
        return tr("its certificate is not trusted")
    if isinstance(error, httpx2.TimeoutException):
        return tr("it doesn't respond in time")
    if not isinstance(error, httpx2.ConnectError):
        return tr("the connection was lost")
    cause = _innermost(error)
    if isinstance(cause, ConnectionRefusedError):
        return tr("nothing is listening there")
    return (
        tr("its host name is unknown")
        if isinstance(cause, socket.gaierror)
        else tr("no connection")
    )


def _innermost(error: BaseException) -> BaseException:
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error


def _require_success(endpoint: Endpoint, response: httpx2.Response) -> None:
    if response.status_code in _REFUSALS:
        raise AppError(ErrorCode.ENDPOINT_REFUSES, url=endpoint.url)
    if response.status_code != HTTPStatus.OK:
        raise _unusable(endpoint, tr("status {status}", status=response.status_code))


def _body(endpoint: Endpoint, response: httpx2.Response) -> bytes:
    ends = time.monotonic() + _ANSWER_SECONDS
    body = b""
    for piece in response.iter_raw():
        body += piece
        if len(body) > _LARGEST_ANSWER:
            raise _unusable(endpoint, tr("its response is endless"))
        if time.monotonic() > ends:
            raise AppError(
                ErrorCode.ENDPOINT_UNREACHABLE,
                url=endpoint.url,
                reason=tr("it doesn't respond in time"),
            )
    return body


def _is_showable(name: str) -> bool:
    return name.isprintable() and len(name) <= _LONGEST_NAME


def _unusable(endpoint: Endpoint, reason: str) -> AppError:
    return AppError(ErrorCode.ENDPOINT_ANSWER, url=endpoint.url, reason=reason)
