"""The messages and tools of a request, in the form of OpenAI's API, with a bound on every field."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from app.core.errors import AppError, ErrorCode
from app.inference.server.protocol.request_faults import explain_fault

_LONGEST_TEXT = 32 * 2**20
_DEEPEST = 100
Text = Annotated[str, Meta(max_length=_LONGEST_TEXT)]
Name = Annotated[str, Meta(min_length=1, max_length=256)]
Decoded = TypeVar("Decoded")


class ContentPart(msgspec.Struct, frozen=True):
    """A part of a message's content; only text can be read so far."""

    type: Annotated[str, Meta(max_length=64)]
    text: Text = ""
    refusal: Text = ""

    def as_text(self) -> str:
        """The text of the part.

        Raises:
            AppError: `request_invalid` when it is an image or the like.
        """
        if self.type == "refusal":
            return self.refusal
        if self.type != "text":
            reason = f"only text can be read, not “{self.type}”"
            raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
        return self.text


class FunctionCall(msgspec.Struct, frozen=True):
    """A function that the assistant called; the arguments are JSON, as a text or as they are."""

    name: Name
    arguments: Text | dict[str, Any] = "{}"

    def as_variables(self) -> dict[str, Any]:
        """The call as templates take it: with the arguments as an object where they are one.

        Raises:
            AppError: `request_invalid` when they are nested too deeply.
        """
        arguments: Any = self.arguments
        if isinstance(arguments, str):
            try:
                arguments = json.loads(arguments or "{}")
            except (ValueError, RecursionError):
                arguments = None
        if not isinstance(arguments, dict):
            return {"name": self.name, "arguments": self.arguments}
        require_shallow(arguments)
        return {"name": self.name, "arguments": arguments}


class RequestToolCall(msgspec.Struct, frozen=True):
    """A call within a message of the assistant."""

    function: FunctionCall
    id: Annotated[str, Meta(max_length=256)] | None = ""
    type: Literal["function"] = "function"

    def as_variables(self) -> dict[str, Any]:
        """The call as templates take it."""
        return {"id": self.id or "", "type": self.type, "function": self.function.as_variables()}


class RequestMessage(msgspec.Struct, frozen=True):
    """One message of the conversation; the assistant's and a tool's may have no content."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Text | Annotated[list[ContentPart], Meta(max_length=1024)] | None = None
    reasoning_content: Text | None = None
    name: Name | None = None
    tool_calls: Annotated[list[RequestToolCall], Meta(max_length=1024)] | None = None
    tool_call_id: Annotated[str, Meta(max_length=256)] | None = None

    def __post_init__(self) -> None:
        if self.content is None and self.role not in ("assistant", "tool"):
            raise ValueError("only a message of the assistant or of a tool may have no content")

    def as_variables(self) -> dict[str, Any]:
        """The message as templates take it: what is not given is not there, as in transformers.

        Raises:
            AppError: `request_invalid` when it holds more than text.
        """
        content = self.content
        if isinstance(content, list):
            content = "\n".join(part.as_text() for part in content)
        elif content is None and not self.tool_calls:
            content = ""
        values = {
            "role": "system" if self.role == "developer" else self.role,
            "content": content,
            "name": self.name,
            "tool_call_id": self.tool_call_id,
            "tool_calls": [call.as_variables() for call in self.tool_calls or []] or None,
            # The templates of gpt-oss and LFM2 have a name of their own for it.
            "reasoning_content": self.reasoning_content,
            "thinking": self.reasoning_content,
        }
        return {name: value for name, value in values.items() if value is not None}


class FunctionName(msgspec.Struct, frozen=True):
    """A function by its name."""

    name: Name


class _Function(FunctionName, frozen=True):
    description: Text | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class _Tool(msgspec.Struct, frozen=True):
    type: Literal["function"]
    function: _Function


class _AnyTool(msgspec.Struct, frozen=True):
    type: Annotated[str, Meta(max_length=256)]


def is_function(tool: msgspec.Raw, index: int) -> bool:
    """Whether a tool is a function: the others are such as a local server can't offer.

    Raises:
        AppError: `request_invalid` for what is no tool.
    """
    return decode_tool(tool, index, _AnyTool).type == "function"


def tools_left_out(tools: Sequence[msgspec.Raw]) -> list[str]:
    """The tools that are not offered, by their places and types."""
    types = [decode_tool(tool, index, _AnyTool).type for index, tool in enumerate(tools)]
    return [f"tools[{n}] ({kind})" for n, kind in enumerate(types) if kind != "function"]


def tools_as_given(tools: Sequence[msgspec.Raw]) -> list[dict[str, Any]]:
    """The definitions of functions as templates take them: just as they were given.

    Raises:
        AppError: `request_invalid` when one is no definition, or nested too deeply.
    """
    given = []
    for index, tool in enumerate(tools):
        if not is_function(tool, index):
            continue
        decode_tool(tool, index, _Tool)
        value = _without_nulls(decode_tool(tool, index, dict[str, Any]))
        require_shallow(value)
        given.append(value)
    return given


def decode_tool(tool: msgspec.Raw, index: int, kind: type[Decoded]) -> Decoded:
    """Read the tool of a place among the tools.

    Raises:
        AppError: `request_invalid`, with that place.
    """
    try:
        return msgspec.json.decode(tool, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = explain_fault(tool, error, kind, f"$.tools[{index}]")
        raise AppError(ErrorCode.REQUEST_INVALID, reason=reason) from error


def _without_nulls(tool: dict[str, Any]) -> dict[str, Any]:
    """A tool whose function has only what is given: for templates, null would be a value."""
    function = {name: value for name, value in tool["function"].items() if value is not None}
    return tool | {"function": function}


def require_shallow(value: Any) -> None:
    """Check a value of JSON: nested too deeply, it can't be written again for want of stack.

    Raises:
        AppError: `request_invalid`.
    """
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            item
            for container in level
            if isinstance(container, dict | list)
            for item in (container.values() if isinstance(container, dict) else container)
        ]
    if level:
        reason = "a tool or a call is nested too deeply"
        raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
