"""Responses of `/v1/responses`: output items, complete or as a sequence of numbered events.

The format is OpenAI's (https://platform.openai.com/docs/api-reference/responses). Reasoning is
in separate items, in full and not as a summary.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from app.inference.replies.reasoning import ReplyPart
from app.inference.replies.tool_call_formats import ToolCall
from app.inference.server.protocol.bodies import server_sent_event
from app.inference.server.protocol.log_probabilities import chat_log_probabilities
from app.inference.server.protocol.reply_state import ReplyState

Event = dict[str, Any]
Status = Literal["in_progress", "completed", "incomplete"]


@dataclass
class _Text:
    """A text item being streamed: reasoning, or a message."""

    kind: Literal["reasoning", "content"]
    item_id: str
    text: str = ""
    probabilities: list[dict[str, Any]] = field(default_factory=list)

    @property
    def type(self) -> str:
        """The type of its part, and prefix of its events."""
        return "reasoning_text" if self.kind == "reasoning" else "output_text"

    def log_probabilities(self, probabilities: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return the entry with its log probabilities; reasoning has none."""
        return {"logprobs": list(probabilities)} if self.kind == "content" else {}

    def part(self) -> dict[str, Any]:
        """Return its only part so far."""
        part = {"type": self.type, "text": self.text} | self.log_probabilities(self.probabilities)
        return part | {"annotations": []} if self.kind == "content" else part

    def item(self, status: Status) -> dict[str, Any]:
        """Return the complete item."""
        content = [] if status == "in_progress" else [self.part()]
        if self.kind == "reasoning":
            named: dict[str, Any] = {"type": "reasoning", "summary": []}
        else:
            named = {"type": "message", "role": "assistant"}
        return {"id": self.item_id, "status": status} | named | {"content": content}


@dataclass
class ResponsesOutput:
    """A response, which repeats fields of the request (`echo`); its output grows part by part."""

    model: str
    state: ReplyState
    echo: dict[str, Any]
    ignored: Sequence[str] = ()
    created: int = field(default_factory=lambda: int(time.time()))
    response_id: str = field(default_factory=lambda: _new_id("resp"))
    _output: list[dict[str, Any]] = field(default_factory=list)
    _open: _Text | None = None
    _number: int = 0

    def full_response(self, parts: Sequence[ReplyPart]) -> dict[str, Any]:
        """Return the non-streamed response; its calls must be complete."""
        for part in parts:
            list(self._grow(part))
        *_, last = self._end()
        response: dict[str, Any] = last["response"]
        return response

    def start(self, first: ReplyPart) -> Iterator[bytes]:
        """Yield the events at the beginning of a stream."""
        for name in ("response.created", "response.in_progress"):
            yield _sent(self._event(name, response=self._response("in_progress")))
        yield from self.delta(first)

    def delta(self, part: ReplyPart) -> Iterator[bytes]:
        """Return the events of a further part."""
        return map(_sent, self._grow(part))

    def finish(self) -> Iterator[bytes]:
        """Return the events at the end: all tool calls, each in one piece, and the response."""
        return map(_sent, self._end())

    def error(self, error: dict[str, Any]) -> Iterator[bytes]:
        """Yield the event that reports an error, given in OpenAI's format."""
        failure = {"code": "server_error", "message": error["error"]["message"]}
        response = self._response("failed") | {"error": failure}
        yield _sent(self._event("response.failed", response=response))

    def _grow(self, part: ReplyPart) -> Iterator[Event]:
        if not part.text:
            return
        if self._open is None or self._open.kind != part.kind:
            yield from self._close("completed")
            yield from self._begin(part.kind)
        if self._open is not None:
            probabilities = chat_log_probabilities(self.state.take_pending())["content"]
            self._open.text += part.text
            self._open.probabilities += probabilities
            place = self._place(self._open) | self._open.log_probabilities(probabilities)
            yield self._event(f"response.{self._open.type}.delta", **place, delta=part.text)

    def _begin(self, kind: Literal["reasoning", "content"]) -> Iterator[Event]:
        text = _Text(kind, _new_id("rs" if kind == "reasoning" else "msg"))
        self._open, index = text, len(self._output)
        item = text.item("in_progress")
        yield self._event("response.output_item.added", output_index=index, item=item)
        place = self._place(text)
        yield self._event("response.content_part.added", **place, part=text.part())

    def _close(self, status: Status) -> Iterator[Event]:
        text, self._open = self._open, None
        if text is None:
            return
        place, index = self._place(text), len(self._output)
        logprobs = text.log_probabilities(text.probabilities)
        yield self._event(f"response.{text.type}.done", **place, **logprobs, text=text.text)
        yield self._event("response.content_part.done", **place, part=text.part())
        self._output.append(text.item(status))
        yield self._event("response.output_item.done", output_index=index, item=self._output[-1])

    def _end(self) -> Iterator[Event]:
        if not self._output and not self._open and not self.state.calls:
            yield from self._begin("content")
        is_whole = self.state.statistics.finish_reason == "stop"
        status: Status = "completed" if is_whole else "incomplete"
        yield from self._close("completed" if self.state.calls else status)
        for call in self.state.calls:
            yield from self._call(call)
        yield self._event(f"response.{status}", response=self._response(status))

    def _call(self, call: ToolCall) -> Iterator[Event]:
        item = {
            "id": _new_id("fc"),
            "type": "function_call",
            "status": "completed",
            "call_id": call.call_id,
            "name": call.name,
            "arguments": call.arguments,
        }
        index = len(self._output)
        place = {"item_id": item["id"], "output_index": index}
        started = item | {"status": "in_progress", "arguments": ""}
        written = {"name": call.name, "arguments": call.arguments}
        yield self._event("response.output_item.added", output_index=index, item=started)
        yield self._event("response.function_call_arguments.delta", **place, delta=call.arguments)
        yield self._event("response.function_call_arguments.done", **(place | written))
        self._output.append(item)
        yield self._event("response.output_item.done", output_index=index, item=item)

    def _place(self, text: _Text) -> dict[str, Any]:
        return {"item_id": text.item_id, "output_index": len(self._output), "content_index": 0}

    def _event(self, kind: str, **fields: Any) -> Event:
        number, self._number = self._number, self._number + 1
        return {"type": kind, "sequence_number": number} | fields

    def _response(self, status: str) -> dict[str, Any]:
        is_short = status == "incomplete"
        response = self.echo | {
            "id": self.response_id,
            "object": "response",
            "created_at": self.created,
            "completed_at": time.time() if status == "completed" else None,
            "status": status,
            "model": self.model,
            "output": list(self._output),
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if is_short else None,
            "usage": None,
        }
        response |= self.state.notice_entry()
        if self.ignored:
            response["ignored_fields"] = list(self.ignored)
        if status in ("completed", "incomplete"):
            response |= {"usage": self._usage(), "timings": self.state.timings()}
            response |= self.state.repetition_entry()
        return response

    def _usage(self) -> dict[str, Any]:
        counted = self.state.statistics
        return {
            "input_tokens": counted.prompt_tokens,
            "input_tokens_details": {
                "cached_tokens": counted.reused_tokens,
                "cache_write_tokens": 0,
            },
            "output_tokens": counted.reply_tokens,
            "output_tokens_details": {"reasoning_tokens": self.state.reasoning_tokens},
            "total_tokens": counted.prompt_tokens + counted.reply_tokens,
        }


def _new_id(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(16)}"


def _sent(event: Event) -> bytes:
    return f"event: {event['type']}\n".encode() + server_sent_event(event)
