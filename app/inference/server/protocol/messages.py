"""Messages and tools of a request in OpenAI's format, with bounds on every field."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import msgspec
from msgspec import Meta

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.inference.server.protocol.request_faults import explain_fault

_LONGEST_TEXT = 32 * 2**20
_DEEPEST = 100
Text = Annotated[str, Meta(max_length=_LONGEST_TEXT)]
Name = Annotated[str, Meta(min_length=1, max_length=256)]
Decoded = TypeVar("Decoded")


class ContentPart(msgspec.Struct, frozen=True):
    """A part of a message's content; only text is supported so far."""

    texts: ClassVar[frozenset[str]] = frozenset({"text"})
    """The types of parts whose text counts."""
    type: Annotated[str, Meta(max_length=64)]
    text: Text = ""
    refusal: Text = ""

    def as_text(self) -> str:
        """Return the text of the part.

        Raises:
            AppError: `request_invalid` if it is an image or the like.
        """
        if self.type == "refusal":
            return self.refusal
        if self.type not in self.texts:
            reason = tr("only text can be read, not “{type}”", type=self.type)
            raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
        return self.text


class FunctionCall(msgspec.Struct, frozen=True):
    """A function called by the assistant; the arguments are JSON, as a string or an object."""

    name: Name
    arguments: Text | dict[str, Any] = "{}"

    def for_template(self) -> dict[str, Any]:
        """Return the call for templates, with its arguments parsed if they are a JSON object.

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
    """A call within an assistant's message."""

    function: FunctionCall
    id: Annotated[str, Meta(max_length=256)] | None = ""
    type: Literal["function"] = "function"

    def for_template(self) -> dict[str, Any]:
        """Return the call for templates."""
        return {"id": self.id or "", "type": self.type, "function": self.function.for_template()}


class RequestMessage(msgspec.Struct, frozen=True):
    """One message of the conversation; those of the assistant and of tools may have no content."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Text | Annotated[list[ContentPart], Meta(max_length=1024)] | None = None
    reasoning_content: Text | None = None
    name: Name | None = None
    tool_calls: Annotated[list[RequestToolCall], Meta(max_length=1024)] | None = None
    tool_call_id: Annotated[str, Meta(max_length=256)] | None = None

    def __post_init__(self) -> None:
        if self.content is None and self.role not in ("assistant", "tool"):
            raise ValueError(tr("only messages of the assistant or a tool may have no content"))

    def for_template(self) -> dict[str, Any]:
        """Return the message for templates, without fields that are missing, as in transformers.

        Raises:
            AppError: `request_invalid` if it holds more than text.
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
            "tool_calls": [call.for_template() for call in self.tool_calls or []] or None,
            # The templates of gpt-oss and LFM2 use their own name for it.
            "reasoning_content": self.reasoning_content,
            "thinking": self.reasoning_content,
        }
        return {name: value for name, value in values.items() if value is not None}


class FunctionName(msgspec.Struct, frozen=True):
    """A function, given by its name."""

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
    """Return whether a tool is a function: a local server can't offer others.

    Raises:
        AppError: `request_invalid` for an invalid tool.
    """
    return decode_tool(tool, index, _AnyTool).type == "function"


def unsupported_tools_of(tools: Sequence[msgspec.Raw]) -> list[str]:
    """Return the tools that are not offered, by index and type."""
    types = [decode_tool(tool, index, _AnyTool).type for index, tool in enumerate(tools)]
    return [f"tools[{n}] ({kind})" for n, kind in enumerate(types) if kind != "function"]


def tools_as_given(tools: Sequence[msgspec.Raw]) -> list[dict[str, Any]]:
    """Return the definitions of functions for templates, as they were given.

    Raises:
        AppError: `request_invalid` if one is invalid or nested too deeply.
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
    """Decode the tool at an index of the tools.

    Raises:
        AppError: `request_invalid`, with the path of the invalid value.
    """
    try:
        return msgspec.json.decode(tool, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = explain_fault(tool, error, kind, f"$.tools[{index}]")
        raise AppError(ErrorCode.REQUEST_INVALID, reason=reason) from error


def _without_nulls(tool: dict[str, Any]) -> dict[str, Any]:
    """Return a tool without the null fields of its function: templates would see values in them."""
    function = {name: value for name, value in tool["function"].items() if value is not None}
    return tool | {"function": function}


def require_shallow(value: Any) -> None:
    """Check the depth of a JSON value: one nested too deeply overflows the stack when encoded.

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
        reason = tr("a tool or tool call is nested too deeply")
        raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
