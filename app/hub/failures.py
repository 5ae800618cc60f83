"""Errors for requests that the Hub refuses and for network failures."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import httpx2

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.hub.reference import RepositoryReference

CONNECTION_LOST = tr("the connection was lost")
_WORDS: tuple[tuple[type[httpx2.HTTPError], str], ...] = (
    (httpx2.TimeoutException, tr("no response in time")),
    (httpx2.ProxyError, tr("the proxy refuses")),
    (httpx2.ConnectError, tr("no connection")),
    (httpx2.UnsupportedProtocol, tr("not a web address")),
    (httpx2.DecodingError, tr("the response is garbled")),
)
_INVALID_CREDENTIALS = "Invalid credentials in Authorization header"


def refusal(status: int, headers: Mapping[str, str], reference: RepositoryReference) -> AppError:
    """Return the error for a response with status 400 or above.

    Args:
        status: The HTTP status.
        headers: The response's headers; lookup ignores case.
        reference: The requested repository.
    """
    code = headers.get("X-Error-Code", "")
    repository = reference.repository
    if code == "GatedRepo":
        return AppError(ErrorCode.REPOSITORY_GATED, repository=repository)
    if code == "RevisionNotFound":
        revision = reference.revision or "main"
        return AppError(ErrorCode.REVISION_NOT_FOUND, repository=repository, revision=revision)
    if headers.get("X-Error-Message") == _INVALID_CREDENTIALS:
        return AppError(ErrorCode.TOKEN_INVALID, reason=tr("the Hub rejects it"))
    # Without a token, the Hub sends the same response for missing and private repositories.
    if code == "RepoNotFound" or status == HTTPStatus.UNAUTHORIZED:
        return AppError(ErrorCode.REPOSITORY_NOT_FOUND, repository=repository)
    return AppError(ErrorCode.HUB_ANSWER, reason=tr("status {status}", status=status))


def unreachable(endpoint: str, reason: str) -> AppError:
    """Return the error for a Hub that does not respond."""
    return AppError(ErrorCode.HUB_UNREACHABLE, endpoint=endpoint, reason=reason)


def request_failure(error: httpx2.HTTPError) -> str:
    """Return the reason why a request failed before its response was complete."""
    if "certificate" in str(error).lower():
        return tr("its certificate is not trusted")
    return next((words for kind, words in _WORDS if isinstance(error, kind)), CONNECTION_LOST)
