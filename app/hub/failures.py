"""What the Hub's refusals and the network's failures mean, in the program's own errors."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import httpx2

from app.core.errors import AppError, ErrorCode
from app.hub.reference import RepositoryReference

_BROKEN_OFF = "the connection broke off"
_WORDS: tuple[tuple[type[httpx2.HTTPError], str], ...] = (
    (httpx2.TimeoutException, "no answer in time"),
    (httpx2.ProxyError, "the proxy refuses"),
    (httpx2.ConnectError, "no connection"),
    (httpx2.UnsupportedProtocol, "not a web address"),
    (httpx2.DecodingError, "the answer is garbled"),
)
_INVALID_CREDENTIALS = "Invalid credentials in Authorization header"


def refusal(status: int, headers: Mapping[str, str], reference: RepositoryReference) -> AppError:
    """The error that an answer of 400 and above stands for.

    Args:
        status: The HTTP status.
        headers: Of the answer, found in any case.
        reference: The repository that was asked for.
    """
    code = headers.get("X-Error-Code", "")
    repository = reference.repository
    if code == "GatedRepo":
        return AppError(ErrorCode.REPOSITORY_GATED, repository=repository)
    if code == "RevisionNotFound":
        revision = reference.revision or "main"
        return AppError(ErrorCode.REVISION_NOT_FOUND, repository=repository, revision=revision)
    if headers.get("X-Error-Message") == _INVALID_CREDENTIALS:
        return AppError(ErrorCode.TOKEN_INVALID, reason="the Hub does not accept it")
    # Without a token the Hub tells a missing repository from a private one to nobody.
    if code == "RepoNotFound" or status == HTTPStatus.UNAUTHORIZED:
        return AppError(ErrorCode.REPOSITORY_NOT_FOUND, repository=repository)
    return AppError(ErrorCode.HUB_ANSWER, reason=f"status {status}")


def unreachable(endpoint: str, reason: str) -> AppError:
    """The error for a Hub that does not answer."""
    return AppError(ErrorCode.HUB_UNREACHABLE, endpoint=endpoint, reason=reason)


def in_few_words(error: httpx2.HTTPError) -> str:
    """Why a request failed before its answer was whole."""
    if "certificate" in str(error).lower():
        return "its certificate is not trusted"
    return next((words for kind, words in _WORDS if isinstance(error, kind)), _BROKEN_OFF)
