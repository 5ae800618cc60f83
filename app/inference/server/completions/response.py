"""Responses of the completions APIs, complete or streamed, with llama-server's timings."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from app.inference.replies.reasoning import ReplyPart
from app.inference.replies.tool_call_formats import ToolCall
from app.inference.server.protocol.bodies import server_sent_event
from app.inference.server.protocol.log_probabilities import (
    chat_log_probabilities,
    text_log_probabilities,
)
from app.inference.server.protocol.reply_state import ReplyState

Kind = Literal["chat", "text"]
END_OF_STREAM = b"data: [DONE]\n\n"


@dataclass
class CompletionResponse:
    """A response: its ID, and its forms (complete, or chunks with deltas, calls and the end).

    It has a choice for each reply, in order; `state` is the current one. `ignored` are the unknown
    fields of the request. If it `reports_timings_per_part`, each chunk has the timings so far.
    """

    kind: Kind
    model: str
    state: ReplyState
    wants_usage: bool = False
    ignored: Sequence[str] = ()
    reports_timings_per_part: bool = False
    sent_text: str = ""
    created: int = field(default_factory=lambda: int(time.time()))
    response_id: str = field(default_factory=lambda: secrets.token_hex(12))
    _choices: list[dict[str, Any]] = field(default_factory=list)
    _finished: list[ReplyState] = field(default_factory=list)

    def next_choice(self, state: ReplyState) -> None:
        """Continue with the next reply, after the previous one has finished."""
        self._finished.append(self.state)
        self.state = state
        self.sent_text = ""

    def add_choice(self, parts: Sequence[ReplyPart]) -> None:
        """Add a complete reply as a choice; its calls must be complete."""
        text, thoughts = (_joined(parts, kind) for kind in ("content", "reasoning"))
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if thoughts:
            message["reasoning_content"] = thoughts
        if calls := [_as_call(call) for call in self.state.calls]:
            message |= {"content": text or None, "tool_calls": calls}
        choice = self._choice({"message": message}, {"text": text}) | self._probabilities("")
        choice["finish_reason"] = self._finish_reason()
        self._choices.append(choice)

    def full_response(self, parts: Sequence[ReplyPart]) -> dict[str, Any]:
        """Return the response that is not streamed, with the last reply."""
        self.add_choice(parts)
        name = "chat.completion" if self.kind == "chat" else "text_completion"
        notice = self.state.notice_entry()
        for state in (*self._finished, self.state):
            notice |= state.repetition_entry()
        figures = self._usage() | self._timings() | self._ignored()
        return self._frame(name, self._choices) | notice | figures

    def start(self, first: ReplyPart) -> Iterator[bytes]:
        """Yield the first event of a stream."""
        yield server_sent_event(self.chunk(first, is_first=True))

    def delta(self, part: ReplyPart) -> Iterator[bytes]:
        """Yield the event of a further part."""
        yield server_sent_event(self.chunk(part))

    def finish_choice(self) -> Iterator[bytes]:
        """Yield the events at the end of a reply."""
        if self.state.calls:
            yield server_sent_event(self.tool_calls_chunk())
        yield server_sent_event(self.finish_chunk())

    def finish(self) -> Iterator[bytes]:
        """Yield the events at the end of the last reply and of the stream."""
        yield from self.finish_choice()
        if self.wants_usage:
            yield server_sent_event(self.usage_chunk())
        yield END_OF_STREAM

    def error(self, error: dict[str, Any]) -> Iterator[bytes]:
        """Yield the event that reports an error."""
        yield server_sent_event(error)

    def chunk(self, part: ReplyPart, *, is_first: bool = False) -> dict[str, Any]:
        """Return a chunk with the delta of a part."""
        name = "content" if part.kind == "content" else "reasoning_content"
        delta = {"role": "assistant", name: part.text} if is_first else {name: part.text}
        choice = self._choice({"delta": delta}, {"text": part.text})
        event = self._event([choice | self._probabilities(part.text)])
        if self.reports_timings_per_part:
            event |= self._timings()
        return event | self.state.notice_entry() | self._ignored() if is_first else event

    def tool_calls_chunk(self) -> dict[str, Any]:
        """Return the chunk with all tool calls, each in one piece."""
        calls = [{"index": n} | _as_call(call) for n, call in enumerate(self.state.calls)]
        return self._event([self._choice({"delta": {"tool_calls": calls}}, {"text": ""})])

    def finish_chunk(self) -> dict[str, Any]:
        """Return the chunk with the finish reason."""
        choice = self._choice({"delta": {}}, {"text": ""}) | self._probabilities("")
        choice["finish_reason"] = self._finish_reason()
        return self._event([choice]) | self._timings() | self.state.repetition_entry()

    def usage_chunk(self) -> dict[str, Any]:
        """Return the chunk with the token counts, sent on request."""
        return self._event([]) | self._usage() | self._timings()

    def _probabilities(self, text: str) -> dict[str, Any]:
        """Return the probabilities not sent yet, which belong to this text."""
        tokens = self.state.take_pending()
        if not tokens:
            return {}
        if self.kind == "chat":
            return {"logprobs": chat_log_probabilities(tokens)}
        offset = len(self.sent_text)
        self.sent_text += text
        return {"logprobs": text_log_probabilities(tokens, offset)}

    def _finish_reason(self) -> str:
        reason = self.state.statistics.finish_reason
        return "tool_calls" if self.state.calls and reason == "stop" else reason

    def _choice(self, of_chat: dict[str, Any], of_text: dict[str, Any]) -> dict[str, Any]:
        content = of_chat if self.kind == "chat" else of_text
        return {"index": len(self._finished), "finish_reason": None, "logprobs": None} | content

    def _event(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return self._frame(
            "chat.completion.chunk" if self.kind == "chat" else "text_completion", choices
        )

    def _frame(self, name: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        prefix = "chatcmpl" if self.kind == "chat" else "cmpl"
        return {
            "id": f"{prefix}-{self.response_id}",
            "object": name,
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }

    def _usage(self) -> dict[str, Any]:
        replies = [*self._finished, self.state]
        asked = [reply.statistics for reply in replies if not reply.repeats_prompt]
        prompt_tokens = sum(counted.prompt_tokens for counted in asked)
        reply_tokens = sum(reply.statistics.reply_tokens for reply in replies)
        cached = sum(counted.reused_tokens for counted in asked)
        thoughts = sum(reply.reasoning_tokens for reply in replies)
        return {
            "usage": {
                "prompt_tokens": prompt_tokens,
                "completion_tokens": reply_tokens,
                "total_tokens": prompt_tokens + reply_tokens,
                "prompt_tokens_details": {"cached_tokens": cached},
                "completion_tokens_details": {"reasoning_tokens": thoughts},
            }
        }

    def _ignored(self) -> dict[str, Any]:
        return {"ignored_fields": list(self.ignored)} if self.ignored else {}

    def _timings(self) -> dict[str, Any]:
        return {"timings": self.state.timings()}


def _joined(parts: Sequence[ReplyPart], kind: str) -> str:
    return "".join(part.text for part in parts if part.kind == kind)


def _as_call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.call_id, "type": "function", "function": function}
