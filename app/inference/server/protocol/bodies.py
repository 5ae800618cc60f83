"""Response bodies: JSON, errors and notices in OpenAI's format, stream events."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

from app.core.errors import AppError, ErrorCode, ErrorDetails, NoticeCode
from app.core.sentences import describe_error, describe_notice

_CLIENT_FAULTS = frozenset({ErrorCode.REQUEST_INVALID, ErrorCode.CONTEXT_FULL})
_ERROR_TYPES = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.NOT_FOUND: "not_found_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
}


class AsciiJsonResponse(JSONResponse):
    """A JSON response in ASCII, so that it can contain file names that are not UTF-8."""

    def render(self, content: Any) -> bytes:
        """Return the bytes of the body."""
        return json.dumps(content).encode()


def error_body(status: HTTPStatus, message: str, error: AppError | None = None) -> dict[str, Any]:
    """Return an error in OpenAI's format; `facts` is for Gristmill's own clients."""
    kind = _ERROR_TYPES.get(status)
    if kind is None:
        is_client_fault = status < HTTPStatus.INTERNAL_SERVER_ERROR
        kind = "invalid_request_error" if is_client_fault else "server_error"
    body: dict[str, Any] = {"message": message, "type": kind, "code": None, "param": None}
    if error is not None:
        body |= {"code": error.code.value, "facts": error.details}
    return {"error": body}


def error_response(
    status: HTTPStatus, message: str, error: AppError | None = None
) -> AsciiJsonResponse:
    """Return the error as a response."""
    return AsciiJsonResponse(error_body(status, message, error), status)


def failure_of(error: AppError) -> tuple[dict[str, Any], HTTPStatus]:
    """Return the body and the status for an error."""
    is_client_fault = error.code in _CLIENT_FAULTS
    status = HTTPStatus.BAD_REQUEST if is_client_fault else HTTPStatus.INTERNAL_SERVER_ERROR
    return error_body(status, describe_error(error.code, error.details), error), status


def server_sent_event(content: dict[str, Any]) -> bytes:
    """Return an event of a stream as bytes."""
    # ASCII, because some clients treat U+2028 and similar characters as line breaks.
    return b"data: " + json.dumps(content).encode() + b"\n\n"


def notice_body(code: NoticeCode, details: ErrorDetails) -> dict[str, Any]:
    """Return a notice for a response: something was done differently than requested."""
    return {"code": code.value, "message": describe_notice(code, details), "facts": details}
