"""The server's answers in the form of OpenAI's API, with llama-server's timings."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

from starlette.responses import JSONResponse

from app.core.errors import AppError, Facts, NoticeCode
from app.core.sentences import describe_notice
from app.inference.generation import Statistics, TokenProbability
from app.inference.log_probabilities import chat_log_probabilities, text_log_probabilities
from app.inference.reasoning import Part
from app.inference.tool_call_forms import ToolCall

Kind = Literal["chat", "text"]
_ERROR_TYPES = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.NOT_FOUND: "not_found_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
}


@dataclass
class Answer:
    """One answer: its identity, and its shapes (whole, first and further chunks, calls, last)."""

    kind: Kind
    model: str
    statistics: Statistics
    notice: dict[str, Any] | None = None
    most_calls: int | None = None
    calls: list[ToolCall] = field(default_factory=list)
    untold: list[TokenProbability] = field(default_factory=list)
    told_text: str = ""
    created: int = field(default_factory=lambda: int(time.time()))
    identity: str = field(default_factory=lambda: secrets.token_hex(12))

    def add(self, call: ToolCall) -> None:
        """Take a call into the answer, unless it has as many as it may."""
        if self.most_calls is None or len(self.calls) < self.most_calls:
            self.calls.append(call)

    def whole(self, parts: Sequence[Part]) -> dict[str, Any]:
        """The answer that is not streamed; the calls are those that `calls` holds by now."""
        text, thoughts = (_joined(parts, kind) for kind in ("content", "reasoning"))
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if thoughts:
            message["reasoning_content"] = thoughts
        if self.calls:
            message |= {"content": text or None, "tool_calls": list(map(_as_call, self.calls))}
        choice = self._choice({"message": message}, {"text": text}) | self._probabilities("")
        choice["finish_reason"] = self._finish_reason()
        name = "chat.completion" if self.kind == "chat" else "text_completion"
        return self._frame(name, [choice]) | self._noticed() | self._repetition() | self._figures()

    def chunk(self, part: Part, *, is_first: bool = False) -> dict[str, Any]:
        """One event of a stream."""
        name = "content" if part.kind == "content" else "reasoning_content"
        delta = {"role": "assistant", name: part.text} if is_first else {name: part.text}
        choice = self._choice({"delta": delta}, {"text": part.text})
        event = self._event([choice | self._probabilities(part.text)])
        return event | self._noticed() if is_first else event

    def called(self) -> dict[str, Any]:
        """The event with all calls, each of them whole."""
        calls = [{"index": index} | _as_call(call) for index, call in enumerate(self.calls)]
        return self._event([self._choice({"delta": {"tool_calls": calls}}, {"text": ""})])

    def last(self) -> dict[str, Any]:
        """The event that says why the reply ended."""
        choice = self._choice({"delta": {}}, {"text": ""})
        choice["finish_reason"] = self._finish_reason()
        timings = {"timings": self._figures()["timings"]}
        return self._event([choice]) | timings | self._repetition()

    def usage(self) -> dict[str, Any]:
        """The event with the token counts, for who asked for it."""
        return self._event([]) | self._figures()

    def _probabilities(self, text: str) -> dict[str, Any]:
        """The probabilities that have not been told yet, which go with this text."""
        if not self.untold:
            return {}
        tokens, self.untold = self.untold, []
        if self.kind == "chat":
            return {"logprobs": chat_log_probabilities(tokens)}
        offset = len(self.told_text)
        self.told_text += text
        return {"logprobs": text_log_probabilities(tokens, offset)}

    def _finish_reason(self) -> str:
        reason = self.statistics.finish_reason
        return "tool_calls" if self.calls and reason == "stop" else reason

    def _repetition(self) -> dict[str, Any]:
        if not self.statistics.repeats:
            return {}
        return {"notice": notice_body(NoticeCode.REPLY_REPEATS, {})}

    def _noticed(self) -> dict[str, Any]:
        return {} if self.notice is None else {"notice": self.notice}

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


def notice_body(code: NoticeCode, facts: Facts) -> dict[str, Any]:
    """A notice in an answer: what was done otherwise than wished."""
    return {"code": code.value, "message": describe_notice(code, facts), "facts": facts}


def _joined(parts: Sequence[Part], kind: str) -> str:
    return "".join(part.text for part in parts if part.kind == kind)


def _as_call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.identity, "type": "function", "function": function}


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
