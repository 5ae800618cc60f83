"""Parse OpenAI's "harmony" format: channels for reasoning, tool calls, and content.

https://github.com/openai/harmony describes it; llama.cpp's common/parsers/gpt-oss.cpp shows what
the models actually write: `<|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final
<|message|>…`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.inference.replies.reasoning import ReasoningTags, ReplyPart
from app.inference.replies.tool_call_formats import ToolCall, named_json_call
from app.inference.tokens.detokenizer import possible_prefix_length

MARKER = "<|channel|>analysis"
MARKS = ("<|channel|>", "<|message|>", "<|start|>", "<|end|>", "<|constrain|>", "<|call|>")
REASONING = ReasoningTags("<|channel|>analysis<|message|>", "<|end|><|start|>assistant")
FINAL = "<|channel|>final<|message|>"
_BODY = "<|message|>"
_ENDS = ("<|end|>", "<|call|>", "<|start|>", "<|channel|>")
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)")
_RECIPIENT = re.compile(r"\bto=(?:functions\.)?([^\s<]+)")


class HarmonySplitter:
    """Separates the channels; a reply without any is content."""

    def __init__(self, *, has_tools: bool) -> None:
        self._has_tools = has_tools
        self._held = ""
        self._head: str | None = ""
        self._calls: list[ToolCall] = []
        self._arguments = ""

    def feed(self, text: str) -> Iterator[ReplyPart]:
        """Take more text, and yield the parts that are now final."""
        self._held += text
        while self._held:
            if self._head == "" and not self._take_head():
                return
            end = min((at for mark in _ENDS if (at := self._held.find(mark)) >= 0), default=-1)
            if end < 0:
                kept = possible_prefix_length(self._held, _ENDS)
                yield from self._take_body(self._held[: len(self._held) - kept])
                self._held = self._held[len(self._held) - kept :]
                return
            yield from self._take_body(self._held[:end])
            self._end_body()
            self._held = self._held[end:]
            for mark in ("<|end|>", "<|call|>"):
                self._held = self._held.removeprefix(mark)

    def finish(self) -> Iterator[ReplyPart | ToolCall]:
        """Yield the remaining parts and the calls."""
        if self._head:
            yield from self._take_body(self._held)
            self._end_body()
        yield from self._calls

    def _take_head(self) -> bool:
        """Read a channel's header, once it is complete."""
        text = self._held.lstrip()
        if text and not any(text.startswith(m[: len(text)]) for m in (*MARKS, "to=")):
            # There is no header where one belongs: this is content.
            self._head = "<|channel|>final"
            return True
        head, mark, body = self._held.partition(_BODY)
        if mark:
            self._head, self._held = head or _BODY, body
        return bool(mark)

    def _take_body(self, text: str) -> Iterator[ReplyPart]:
        if not text:
            return
        if self._called():
            self._arguments += text
        elif self._channel() == "analysis":
            yield ReplyPart("reasoning", text)
        else:
            yield ReplyPart("content", text)

    def _end_body(self) -> None:
        if name := self._called():
            try:
                self._calls.append(named_json_call(name, self._arguments))
            except ValueError:
                self._calls.append(named_json_call(name, "{}"))
            self._arguments = ""
        self._head = ""

    def _channel(self) -> str:
        found = _CHANNEL.search(self._head or "")
        return found.group(1) if found else "final"

    def _called(self) -> str:
        found = _RECIPIENT.search(self._head or "")
        if not found or not self._has_tools or found.group(1) == "assistant":
            return ""
        return found.group(1)
