"""The body of `/v1/chat/completions`: messages, tools, and reasoning options."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.core.language import tr
from app.inference.prompts.rendering import ChatInput
from app.inference.replies.reply_reader import ReasoningFormat
from app.inference.server.protocol.generation_request import (
    CompletionRequestBase,
    LikelyTokens,
    ReasoningEffort,
    TemplateOptions,
    TokenLimit,
    limit_of,
    thinking_options,
)
from app.inference.server.protocol.messages import (
    FunctionName,
    RequestMessage,
    tools_as_given,
    unsupported_tools_of,
)
from app.inference.server.protocol.tool_choice import ToolChoice, ToolMode, tool_choice


class NamedTool(msgspec.Struct, frozen=True):
    """A tool, given by its name."""

    function: FunctionName


class AllowedTools(msgspec.Struct, frozen=True):
    """The functions among which the model may, or must, choose."""

    mode: Literal["auto", "required"]
    tools: Annotated[list[NamedTool], Meta(max_length=1024)]


class ChosenTools(msgspec.Struct, frozen=True):
    """A choice of tools: one that must be called, or those that may be."""

    type: Literal["function", "allowed_tools"] = "function"
    function: FunctionName | None = None
    allowed_tools: AllowedTools | None = None

    def __post_init__(self) -> None:
        if (self.function if self.type == "function" else self.allowed_tools) is None:
            reason = tr("a tool choice of type “{type}” needs a field of that name", type=self.type)
            raise ValueError(reason)


class ChatRequest(CompletionRequestBase, frozen=True, kw_only=True):
    """The body of `/v1/chat/completions`."""

    messages: Annotated[list[RequestMessage], Meta(min_length=1, max_length=16_384)]
    max_completion_tokens: TokenLimit | None = None
    tools: Annotated[list[msgspec.Raw], Meta(max_length=1024)] | None = None
    tool_choice: ToolMode | ChosenTools | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: ReasoningEffort | None = None
    reasoning_format: ReasoningFormat | None = None
    chat_template_kwargs: TemplateOptions | None = None
    logprobs: bool | None = None
    top_logprobs: LikelyTokens | None = None

    def token_limit(self) -> int | None:
        """Return the maximum number of tokens of the reply, or None."""
        return limit_of(
            max_completion_tokens=self.max_completion_tokens,
            max_tokens=self.max_tokens,
            n_predict=self.n_predict,
        )

    def top_logprobs_count(self) -> int | None:
        """Return how many likely tokens to report for each token; None for no probabilities."""
        return (self.top_logprobs or 0) if self.logprobs else None

    def unsupported_tools(self) -> list[str]:
        """Return the tools that are not offered, by index and type."""
        return unsupported_tools_of(self.tools or [])

    def conversation(self) -> ChatInput:
        """Return the input of the chat template.

        Raises:
            AppError: `request_invalid` for content other than text, and for invalid tools.
        """
        return ChatInput(
            [message.for_template() for message in self.messages],
            self.choice().among(tools_as_given(self.tools or [])),
            thinking_options(self.reasoning_effort) | (self.chat_template_kwargs or {}),
        )

    def choice(self) -> ToolChoice:
        """Return the tools that may be called, and whether one must be."""
        match self.tool_choice:
            case ChosenTools(function=FunctionName(name=name), type="function"):
                return tool_choice("required", (name,), is_parallel=False)
            case ChosenTools(allowed_tools=AllowedTools(mode=mode, tools=tools)):
                names = tuple(tool.function.name for tool in tools)
                return tool_choice(mode, names, is_parallel=self.parallel_tool_calls)
            case ChosenTools():
                return tool_choice(None, None, is_parallel=self.parallel_tool_calls)
            case mode:
                return tool_choice(mode, None, is_parallel=self.parallel_tool_calls)
