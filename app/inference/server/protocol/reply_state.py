"""A reply's data other than its text: counts, timings, tool calls, probabilities, notices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.core.errors import NoticeCode
from app.inference.replies.tool_call_formats import ToolCall
from app.inference.server.protocol.bodies import notice_body
from app.inference.session.generation import Statistics, TokenProbability


@dataclass
class ReplyState:
    """A reply's statistics, calls and notice, and the probabilities not sent yet (`pending`).

    `notice` reports something done differently than requested; `reasoning_tokens` were
    reasoning. One that `repeats_prompt` is a further reply to the previous one's prompt.
    """

    statistics: Statistics
    notice: dict[str, Any] | None = None
    max_calls: int | None = None
    calls: list[ToolCall] = field(default_factory=list)
    pending: list[TokenProbability] = field(default_factory=list)
    reasoning_tokens: int = 0
    repeats_prompt: bool = False

    def add(self, call: ToolCall) -> None:
        """Add a call, unless the limit is reached."""
        if self.max_calls is None or len(self.calls) < self.max_calls:
            self.calls.append(call)

    def take_pending(self) -> list[TokenProbability]:
        """Return the probabilities not sent yet, and clear them."""
        pending, self.pending = self.pending, []
        return pending

    def notice_entry(self) -> dict[str, Any]:
        """Return the entry of the notice known before the reply, if any."""
        return {} if self.notice is None else {"notice": self.notice}

    def repetition_entry(self) -> dict[str, Any]:
        """Return the entry of the notice that the reply was stopped for repetition, if it was."""
        if not self.statistics.repeats:
            return {}
        return {"notice": notice_body(NoticeCode.REPLY_REPEATS, {})}

    def timings(self) -> dict[str, Any]:
        """Return the timings under llama-server's names."""
        counted = self.statistics
        return {
            "prompt_n": counted.prompt_tokens - counted.reused_tokens,
            "prompt_ms": 1000 * counted.prompt_seconds,
            "predicted_n": counted.reply_tokens,
            "predicted_ms": 1000 * counted.reply_seconds,
            "predicted_per_second": counted.reply_tokens / counted.reply_seconds
            if counted.reply_seconds
            else 0.0,
        }
