"""The server's answers in the form of OpenAI's API, with llama-server's timings."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

from starlette.responses import JSONResponse

from app.core.errors import AppError
from app.inference.session import Statistics

Kind = Literal["chat", "text"]
_ERROR_TYPES = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.NOT_FOUND: "not_found_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
}


@dataclass
class Answer:
    """One answer: its identity, and its three shapes (whole, first and further chunks, last)."""

    kind: Kind
    model: str
    statistics: Statistics
    created: int = field(default_factory=lambda: int(time.time()))
    identity: str = field(default_factory=lambda: secrets.token_hex(12))

    def whole(self, text: str) -> dict[str, Any]:
        """The answer that is not streamed."""
        choice = self._choice({"message": {"role": "assistant", "content": text}}, {"text": text})
        choice["finish_reason"] = self.statistics.finish_reason
        name = "chat.completion" if self.kind == "chat" else "text_completion"
        return self._frame(name, [choice]) | self._figures()

    def chunk(self, text: str, *, is_first: bool = False) -> dict[str, Any]:
        """One event of a stream."""
        delta = {"role": "assistant", "content": text} if is_first else {"content": text}
        return self._event([self._choice({"delta": delta}, {"text": text})])

    def last(self) -> dict[str, Any]:
        """The event that says why the reply ended."""
        choice = self._choice({"delta": {}}, {"text": ""})
        choice["finish_reason"] = self.statistics.finish_reason
        return self._event([choice]) | {"timings": self._figures()["timings"]}

    def usage(self) -> dict[str, Any]:
        """The event with the token counts, for who asked for it."""
        return self._event([]) | self._figures()

    def _choice(self, of_chat: dict[str, Any], of_text: dict[str, Any]) -> dict[str, Any]:
        content = of_chat if self.kind == "chat" else of_text
        return {"index": 0, "finish_reason": None, "logprobs": None} | content

    def _event(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return self._frame(
            "chat.completion.chunk" if self.kind == "chat" else "text_completion", choices
        )

    def _frame(self, name: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        prefix = "chatcmpl" if self.kind == "chat" else "cmpl"
        return {
            "id": f"{prefix}-{self.identity}",
            "object": name,
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }

    def _figures(self) -> dict[str, Any]:
        counted = self.statistics
        return {
            "usage": {
                "prompt_tokens": counted.prompt_tokens,
                "completion_tokens": counted.reply_tokens,
                "total_tokens": counted.prompt_tokens + counted.reply_tokens,
                "prompt_tokens_details": {"cached_tokens": counted.reused_tokens},
            },
            "timings": {
                "prompt_n": counted.prompt_tokens - counted.reused_tokens,
                "prompt_ms": 1000 * counted.prompt_seconds,
                "predicted_n": counted.reply_tokens,
                "predicted_ms": 1000 * counted.reply_seconds,
                "predicted_per_second": counted.reply_tokens / counted.reply_seconds
                if counted.reply_seconds
                else 0.0,
            },
        }


class JsonAnswer(JSONResponse):
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
        body |= {"code": error.code.value, "facts": error.facts}
    return {"error": body}


def error_response(status: HTTPStatus, message: str, error: AppError | None = None) -> JsonAnswer:
    """The same as a response."""
    return JsonAnswer(error_body(status, message, error), status)


def server_sent_event(content: dict[str, Any]) -> bytes:
    """One event of a stream, as bytes."""
    # ASCII, because some clients take U+2028 and its like for the end of a line.
    return b"data: " + json.dumps(content).encode() + b"\n\n"


END_OF_STREAM = b"data: [DONE]\n\n"
