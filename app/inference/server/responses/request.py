"""The body of `/v1/responses`, with bounds on every field."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.core.settings import ContextOverflow
from app.inference.prompts.rendering import ChatInput
from app.inference.replies.reply_reader import ReasoningFormat
from app.inference.sampling.parameters import SamplingParameters
from app.inference.schemas.json_schemas import AnySchema
from app.inference.server.protocol.generation_request import (
    GenerationRequest,
    LikelyTokens,
    ReasoningEffort,
    TemplateOptions,
    TokenLimit,
    limit_of,
    thinking_options,
)
from app.inference.server.protocol.messages import (
    Name,
    Text,
    decode_tool,
    is_function,
    require_shallow,
    unsupported_tools_of,
)
from app.inference.server.protocol.response_format import JsonSchema, ResponseFormat
from app.inference.server.protocol.tool_choice import ToolChoice, tool_choice
from app.inference.server.responses.input import InputItem, messages_of

_PROBABILITIES = "message.output_text.logprobs"
Word = Annotated[str, Meta(max_length=256)]
Metadata = Annotated[
    dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]],
    Meta(max_length=16),
]


class FunctionTool(msgspec.Struct, frozen=True):
    """A function that the model may call."""

    type: Literal["function"]
    name: Name
    description: Text | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None

    def as_chat_tool(self) -> dict[str, Any]:
        """Return the function in the chat API's format, for templates.

        Raises:
            AppError: `request_invalid` if it is nested too deeply.
        """
        require_shallow(self.parameters)
        function = {
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters,
        }
        given = {name: value for name, value in function.items() if value is not None}
        return {"type": "function", "function": given}


class ChosenFunction(msgspec.Struct, frozen=True, tag_field="type", tag="function"):
    """The one function that must be called."""

    name: Name


class AllowedFunction(msgspec.Struct, frozen=True):
    """A function among those that may be called."""

    name: Name
    type: Literal["function"] = "function"


class AllowedFunctions(msgspec.Struct, frozen=True, tag_field="type", tag="allowed_tools"):
    """The functions among which the model may, or must, choose."""

    mode: Literal["auto", "required"]
    tools: Annotated[list[AllowedFunction], Meta(max_length=1024)]


class TextFormat(msgspec.Struct, frozen=True):
    """The format of the text; name and schema belong only to `json_schema`."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    name: Word | None = None
    description: Text | None = None
    schema: AnySchema | None = None
    strict: bool | None = None

    def __post_init__(self) -> None:
        if self.type == "json_schema" and (self.schema is None or self.name is None):
            raise ValueError(tr("“json_schema” needs “name” and “schema”"))


class TextOptions(msgspec.Struct, frozen=True):
    """Options of the reply's text; verbosity is accepted, but has no effect."""

    format: TextFormat | None = None
    verbosity: Word | None = None


class ReasoningOptions(msgspec.Struct, frozen=True):
    """Reasoning options; reasoning is returned in full, whatever summary is requested."""

    effort: ReasoningEffort | None = None
    summary: Word | None = None


class ResponseRequest(GenerationRequest, frozen=True, kw_only=True):
    """The body of `/v1/responses`.

    No state is stored: every request contains the whole conversation, and `store` has no effect.
    `truncation` makes room while a reply is being generated; the conversation itself must fit.
    """

    input: Text | Annotated[list[InputItem], Meta(min_length=1, max_length=16_384)]
    instructions: Text | None = None
    max_output_tokens: TokenLimit | None = None
    text: TextOptions | None = None
    tools: Annotated[list[msgspec.Raw], Meta(max_length=1024)] | None = None
    tool_choice: Literal["none", "auto", "required"] | ChosenFunction | AllowedFunctions | None = (
        None
    )
    parallel_tool_calls: bool | None = None
    reasoning: ReasoningOptions | None = None
    metadata: Metadata | None = None
    truncation: Literal["auto", "disabled"] | None = None
    include: Annotated[list[Word], Meta(max_length=64)] | None = None
    top_logprobs: LikelyTokens | None = None
    reasoning_format: ReasoningFormat | None = None
    chat_template_kwargs: TemplateOptions | None = None
    background: bool | None = None
    previous_response_id: Word | None = None
    kept_conversation: Any = msgspec.field(default=None, name="conversation")
    prompt: Any = None

    def conversation(self) -> ChatInput:
        """Return the input of the chat template.

        Raises:
            AppError: `request_invalid` for content other than text, and references to stored state.
        """
        self._require_present()
        tools = [tool.as_chat_tool() for tool in self.functions()]
        return ChatInput(
            messages_of(self.instructions, self.input),
            self.choice().among(tools),
            thinking_options(self.reasoning.effort if self.reasoning else None)
            | (self.chat_template_kwargs or {}),
        )

    def functions(self) -> list[FunctionTool]:
        """Return the functions among the tools: a local server can't offer others.

        Raises:
            AppError: `request_invalid` for an invalid tool.
        """
        return [
            decode_tool(tool, index, FunctionTool)
            for index, tool in enumerate(self.tools or [])
            if is_function(tool, index)
        ]

    def unsupported_tools(self) -> list[str]:
        """Return the tools that are not offered, by index and type."""
        return unsupported_tools_of(self.tools or [])

    def choice(self) -> ToolChoice:
        """Return the tools that may be called, and whether one must be."""
        match self.tool_choice:
            case ChosenFunction(name=name):
                return tool_choice("required", (name,), is_parallel=False)
            case AllowedFunctions(mode=mode, tools=tools):
                names = tuple(tool.name for tool in tools)
                return tool_choice(mode, names, is_parallel=self.parallel_tool_calls)
            case mode:
                return tool_choice(mode, None, is_parallel=self.parallel_tool_calls)

    def requested_format(self) -> ResponseFormat | None:
        """Return the requested response format, if any."""
        wanted = self.text and self.text.format
        if not wanted:
            return super().requested_format()
        schema = JsonSchema(wanted.schema) if wanted.schema is not None else None
        return ResponseFormat(wanted.type, schema)

    def token_limit(self) -> int | None:
        """Return the maximum number of tokens of the reply, or None."""
        return limit_of(max_output_tokens=self.max_output_tokens)

    def overflow(self) -> ContextOverflow:
        """Return how to proceed when the context is full in the middle of the reply."""
        return "shift" if self.truncation == "auto" else super().overflow()

    def top_logprobs_count(self) -> int | None:
        """Return how many likely tokens to report for each token; None for no probabilities."""
        return (self.top_logprobs or 0) if _PROBABILITIES in (self.include or ()) else None

    def echo(self, sampling: SamplingParameters) -> dict[str, Any]:
        """Return the request's fields that the response repeats, with defaults for missing ones."""
        plain = msgspec.to_builtins
        effort = self.reasoning.effort if self.reasoning else None
        wanted = (self.text and self.text.format) or TextFormat()
        return {
            "background": False,
            "instructions": self.instructions,
            "max_output_tokens": self.max_output_tokens,
            "metadata": self.metadata or {},
            "parallel_tool_calls": self.parallel_tool_calls is not False,
            "previous_response_id": None,
            "reasoning": {"effort": effort, "summary": None},
            "store": False,
            "temperature": sampling.temperature,
            "text": {"format": _without_nulls(plain(wanted))},
            "tool_choice": plain(self.tool_choice) or "auto",
            "tools": plain(self.functions()),
            "top_logprobs": self.top_logprobs or 0,
            "top_p": sampling.top_p,
            "truncation": self.truncation or "disabled",
        }

    def _require_present(self) -> None:
        for name, value in (
            ("previous_response_id", self.previous_response_id),
            ("conversation", self.kept_conversation),
            ("prompt", self.prompt),
        ):
            if value is not None:
                reason = tr(
                    "no state is stored: send the whole conversation in “input”, without “{name}”",
                    name=name,
                )
                raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
        if self.background:
            reason = tr("responses can't be fetched later: send the request without “background”")
            raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)


def _without_nulls(value: dict[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in value.items() if item is not None}
