"""Input items of `/v1/responses`, and their conversion to chat messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from app.core.language import tr
from app.inference.server.protocol.messages import (
    ContentPart,
    FunctionCall,
    Name,
    RequestToolCall,
    Text,
)

_TEXTS = frozenset({"input_text", "output_text", "text", "summary_text", "reasoning_text"})
_REQUIRED = {
    "message": ("role", "content"),
    "function_call": ("call_id", "name", "arguments"),
    "function_call_output": ("call_id", "output"),
    "reasoning": (),
}
CallId = Annotated[str, Meta(max_length=256)]


class ItemPart(ContentPart, frozen=True):
    """A part of an item's content; only text is supported so far."""

    texts: ClassVar[frozenset[str]] = _TEXTS


ItemText = Text | Annotated[list[ItemPart], Meta(max_length=1024)]


class InputItem(msgspec.Struct, frozen=True):
    """An item of the conversation: a message, a call, a call's output, or reasoning."""

    type: Literal["message", "function_call", "function_call_output", "reasoning"] = "message"
    role: Literal["system", "developer", "user", "assistant"] | None = None
    content: ItemText | None = None
    summary: Annotated[list[ItemPart], Meta(max_length=1024)] | None = None
    call_id: CallId | None = None
    name: Name | None = None
    arguments: Text | None = None
    output: ItemText | None = None

    def __post_init__(self) -> None:
        for name in _REQUIRED[self.type]:
            if getattr(self, name) is None:
                raise ValueError(tr("“{type}” needs “{field}”", type=self.type, field=name))


def messages_of(instructions: str | None, items: str | Iterable[InputItem]) -> list[dict[str, Any]]:
    """Return the messages for templates.

    Instructions and the first system messages become one message, and so do consecutive reasoning,
    texts and calls of the assistant.

    Raises:
        AppError: `request_invalid` for content other than text.
    """
    turns = _Turns()
    if instructions:
        turns.take_message("system", instructions)
    if isinstance(items, str):
        turns.take_message("user", items)
    else:
        for item in items:
            turns.take(item)
    return turns.messages


class _Turns:
    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self._reasoning = ""
        self._functions: dict[str, str] = {}

    def take(self, item: InputItem) -> None:
        match item.type:
            case "message":
                role = "system" if item.role == "developer" else str(item.role)
                self.take_message(role, _text(item.content))
            case "function_call":
                self._take_call(item)
            case "function_call_output":
                self._take_output(item)
            case "reasoning":
                self._reasoning += _text(item.content) or _text(item.summary)

    def take_message(self, role: str, text: str) -> None:
        if role == "assistant":
            message = self._assistant()
        elif role == "system" and [said["role"] for said in self.messages] == ["system"]:
            message = self.messages[0]
        else:
            message = {"role": role}
            self.messages.append(message)
        before = message.get("content")
        message["content"] = f"{before}\n\n{text}" if before else text

    def _assistant(self) -> dict[str, Any]:
        """Return the assistant's current message, with the reasoning before it."""
        if not self.messages or self.messages[-1]["role"] != "assistant":
            self.messages.append({"role": "assistant"})
        message = self.messages[-1]
        if self._reasoning:
            reasoning = message.get("reasoning_content", "") + self._reasoning
            # The templates of gpt-oss and LFM2 use their own name for it.
            message |= {"reasoning_content": reasoning, "thinking": reasoning}
            self._reasoning = ""
        return message

    def _take_call(self, item: InputItem) -> None:
        call_id, name = item.call_id or "", item.name or ""
        self._functions[call_id] = name
        call = RequestToolCall(FunctionCall(name, item.arguments or "{}"), call_id)
        self._assistant().setdefault("tool_calls", []).append(call.for_template())

    def _take_output(self, item: InputItem) -> None:
        message = {"role": "tool", "content": _text(item.output), "tool_call_id": item.call_id}
        name = item.name or self._functions.get(item.call_id or "")
        self.messages.append(message | ({"name": name} if name else {}))


def _text(content: str | list[ItemPart] | None) -> str:
    if isinstance(content, list):
        return "\n".join(part.as_text() for part in content)
    return content or ""
