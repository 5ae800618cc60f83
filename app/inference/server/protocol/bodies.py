"""Bodies of responses: JSON, errors and notices as OpenAI's clients read them, stream events."""

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
    """An answer in ASCII, so that it can hold a file name that is not UTF-8."""

    def render(self, content: Any) -> bytes:
        """The bytes of the body."""
        return json.dumps(content).encode()


def error_body(status: HTTPStatus, message: str, error: AppError | None = None) -> dict[str, Any]:
    """An error as OpenAI's clients read it; `facts` is for our own."""
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
    """The same as a response."""
    return AsciiJsonResponse(error_body(status, message, error), status)


def failure_of(error: AppError) -> tuple[dict[str, Any], HTTPStatus]:
    """The body and the status that tell an error."""
    is_client_fault = error.code in _CLIENT_FAULTS
    status = HTTPStatus.BAD_REQUEST if is_client_fault else HTTPStatus.INTERNAL_SERVER_ERROR
    return error_body(status, describe_error(error.code, error.details), error), status


def server_sent_event(content: dict[str, Any]) -> bytes:
    """One event of a stream, as bytes."""
    # ASCII, because some clients take U+2028 and its like for the end of a line.
    return b"data: " + json.dumps(content).encode() + b"\n\n"


def notice_body(code: NoticeCode, details: ErrorDetails) -> dict[str, Any]:
    """A notice in an answer: what was done otherwise than wished."""
    return {"code": code.value, "message": describe_notice(code, details), "facts": details}
