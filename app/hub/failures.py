"""Errors for requests that the Hub refuses and for network failures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus

import httpx2

from app.core.errors import AppError, ErrorCode, system_reason
from app.core.language import tr
from app.core.source_errors import TRANSFER_STEPS
from app.hub.hub_address import hub_endpoint
from app.hub.reference import RepositoryReference

CONNECTION_LOST = tr("the connection was lost")
_WORDS: tuple[tuple[type[httpx2.HTTPError], str], ...] = (
    (httpx2.TimeoutException, tr("no response in time")),
    (httpx2.ProxyError, tr("the proxy refuses")),
    (httpx2.ConnectError, tr("no connection")),
    (httpx2.UnsupportedProtocol, tr("not a web address")),
    (httpx2.DecodingError, tr("the response is garbled")),
)
_NOT_AS_DOCUMENTED = (TypeError, ValueError, KeyError, AttributeError, RecursionError)
_INVALID_CREDENTIALS = "Invalid credentials in Authorization header"


def refusal(
    status: int, headers: Mapping[str, str], reference: RepositoryReference | None
) -> AppError:
    """Return the error for a response with status 400 or above.

    Args:
        status: The HTTP status.
        headers: The response's headers; lookup ignores case.
        reference: The requested repository, None if the request was about no single one.
    """
    if headers.get("X-Error-Message") == _INVALID_CREDENTIALS:
        return AppError(ErrorCode.TOKEN_INVALID, reason=tr("the Hub rejects it"))
    if reference is None:
        return AppError(ErrorCode.HUB_ANSWER, reason=tr("status {status}", status=status))
    code = headers.get("X-Error-Code", "")
    repository = reference.repository
    if code == "GatedRepo":
        return AppError(ErrorCode.REPOSITORY_GATED, repository=repository)
    if code == "RevisionNotFound":
        revision = reference.revision or "main"
        return AppError(ErrorCode.REVISION_NOT_FOUND, repository=repository, revision=revision)
    # Without a token, the Hub sends the same response for missing and private repositories.
    if code == "RepoNotFound" or status == HTTPStatus.UNAUTHORIZED:
        return AppError(ErrorCode.REPOSITORY_NOT_FOUND, repository=repository)
    return AppError(ErrorCode.HUB_ANSWER, reason=tr("status {status}", status=status))


@contextmanager
def raising_hub_errors() -> Iterator[None]:
    """Convert failures of the network, and of reading answers, to `AppError`.

    Raises:
        AppError: `hub_unreachable`, and `hub_answer` for an answer that is not as documented.
    """
    try:
        yield
    except httpx2.HTTPError as error:
        raise unreachable(hub_endpoint(), request_failure(error)) from error
    except OSError as error:
        raise unreachable(hub_endpoint(), system_reason(error, tr("no connection"))) from error
    except httpx2.InvalidURL as error:
        raise unreachable(hub_endpoint(), tr("not a web address")) from error
    except _NOT_AS_DOCUMENTED as error:
        raise AppError(ErrorCode.HUB_ANSWER, reason=tr("not as documented")) from error


@contextmanager
def keeping_transfers() -> Iterator[None]:
    """Let errors of the Hub say that what was transferred is kept.

    Raises:
        AppError: what is raised inside, with the detail `is_kept`.
    """
    try:
        yield
    except AppError as error:
        if error.code in TRANSFER_STEPS:
            error.details["is_kept"] = 1
        raise


def unreachable(endpoint: str, reason: str) -> AppError:
    """Return the error for a Hub that does not respond."""
    return AppError(ErrorCode.HUB_UNREACHABLE, endpoint=endpoint, reason=reason)


def request_failure(error: httpx2.HTTPError) -> str:
    """Return the reason why a request failed before its response was complete."""
    if "certificate" in str(error).lower():
        return tr("its certificate is not trusted")
    return next((words for kind, words in _WORDS if isinstance(error, kind)), CONNECTION_LOST)
