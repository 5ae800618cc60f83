"""What clients may ask for, in the form of OpenAI's API, with a bound on every field."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from app.core.errors import AppError, ErrorCode
from app.core.settings import ContextOverflow
from app.inference.json_schemas import AnySchema
from app.inference.rendering import Conversation
from app.inference.reply import ReasoningFormat
from app.inference.request_messages import FunctionName, RequestMessage, Text, tools_as_given
from app.inference.response_format import ResponseFormat
from app.inference.sampling import (
    RANDOM_SEED,
    DryBase,
    DryMultiplier,
    Grammar,
    Mirostat,
    MirostatEta,
    MirostatTau,
    Penalty,
    Probability,
    Reach,
    RepeatPenalty,
    Sampling,
    Temperature,
    TokenBiases,
    TopK,
)
from app.inference.tool_choice import ToolChoice, ToolMode, tool_choice

_MOST_TOKENS = 2**24
TokenCount = Annotated[int, Meta(ge=1, le=_MOST_TOKENS)]
OptionName = Annotated[str, Meta(max_length=64, pattern="^[A-Za-z][A-Za-z0-9_]*$")]
Option = Annotated[str, Meta(max_length=1024)] | bool | int | float | None
TemplateOptions = Annotated[dict[OptionName, Option], Meta(max_length=32)]
LikelyTokens = Annotated[int, Meta(ge=0, le=20)]
StopText = Annotated[str, Meta(min_length=1, max_length=256)]


class StreamOptions(msgspec.Struct, frozen=True):
    """What a stream carries besides text."""

    include_usage: bool = False


class GenerationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What all requests for a reply have in common."""

    model: Annotated[str, Meta(max_length=1024)] = ""
    stream: bool | None = False
    stop: StopText | Annotated[list[StopText], Meta(max_length=16)] | None = None
    seed: int | None = None
    temperature: Temperature | None = None
    top_k: TopK | None = None
    top_p: Probability | None = None
    min_p: Probability | None = None
    typical_p: Probability | None = None
    repeat_penalty: RepeatPenalty | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    penalty_last_n: Reach | None = None
    dry_multiplier: DryMultiplier | None = None
    dry_base: DryBase | None = None
    dry_allowed_length: Reach | None = None
    dry_penalty_last_n: Reach | None = None
    xtc_probability: Probability | None = None
    xtc_threshold: Probability | None = None
    mirostat: Mirostat | None = None
    mirostat_tau: MirostatTau | None = None
    mirostat_eta: MirostatEta | None = None
    logit_bias: TokenBiases | None = None
    grammar: Grammar | None = None
    context_overflow: ContextOverflow = "stop"

    def sampling(self, defaults: Sampling) -> Sampling:
        """The values that were given, over the defaults."""
        given = {
            name: value
            for name in Sampling.__struct_fields__
            if name != "seed" and (value := getattr(self, name, None)) is not None
        }
        if self.seed is not None:
            given["seed"] = self.seed & RANDOM_SEED
        return msgspec.structs.replace(defaults, **given)

    def stops(self) -> tuple[str, ...]:
        """The texts that end the reply."""
        if self.stop is None:
            return ()
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)

    def form(self) -> ResponseFormat | None:
        """The form that the reply must have, if any is asked for."""
        return None

    def wanted_schema(self) -> AnySchema | None:
        """The schema that the reply must follow, if any.

        Raises:
            AppError: `request_invalid` for a form that can't be.
        """
        form = self.form()
        schema = form.wanted_schema() if form else None
        if schema is not None and self.grammar:
            reason = "a reply can't follow a “grammar” and a form of JSON, too"
            raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
        return schema

    def token_limit(self) -> int | None:
        """The most tokens that the reply may have, or None."""
        return None

    def overflow(self) -> ContextOverflow:
        """What happens when the context is full in the middle of the reply."""
        return self.context_overflow

    def probabilities(self) -> int | None:
        """How many likely tokens are to be told beside each; None for nothing of the kind."""
        return None


class AnyCompletionRequest(GenerationRequest, frozen=True, kw_only=True):
    """What chat and plain completions have in common."""

    stream_options: StreamOptions | None = None
    n: Literal[1] = 1
    max_tokens: TokenCount | None = None
    response_format: ResponseFormat | None = None

    def form(self) -> ResponseFormat | None:
        """The form that the reply must have, if any is asked for."""
        return self.response_format

    def token_limit(self) -> int | None:
        """The most tokens that the reply may have, or None."""
        return self.max_tokens

    @property
    def wants_usage(self) -> bool:
        """Whether the last event of the stream is to carry the token counts."""
        return self.stream_options is not None and self.stream_options.include_usage


class NamedTool(msgspec.Struct, frozen=True):
    """The one tool that must be called."""

    function: FunctionName
    type: Literal["function"] = "function"


class ChatRequest(AnyCompletionRequest, frozen=True, kw_only=True):
    """The body of `/v1/chat/completions`."""

    messages: Annotated[list[RequestMessage], Meta(min_length=1, max_length=16_384)]
    max_completion_tokens: TokenCount | None = None
    tools: Annotated[list[msgspec.Raw], Meta(max_length=1024)] | None = None
    tool_choice: ToolMode | NamedTool | None = None
    parallel_tool_calls: bool | None = None
    reasoning_format: ReasoningFormat | None = None
    chat_template_kwargs: TemplateOptions | None = None
    logprobs: bool | None = None
    top_logprobs: LikelyTokens | None = None

    def token_limit(self) -> int | None:
        """The most tokens that the reply may have, or None."""
        return self.max_completion_tokens or self.max_tokens

    def probabilities(self) -> int | None:
        """How many likely tokens are to be told beside each; None for nothing of the kind."""
        return (self.top_logprobs or 0) if self.logprobs else None

    def conversation(self) -> Conversation:
        """What the template is to render.

        Raises:
            AppError: `request_invalid` for what is no text, and for tools that are none.
        """
        return Conversation(
            [message.as_variables() for message in self.messages],
            self.choice().among(tools_as_given(self.tools or [])),
            self.chat_template_kwargs or {},
        )

    def choice(self) -> ToolChoice:
        """What may be called, and whether something must be."""
        if isinstance(self.tool_choice, NamedTool):
            return tool_choice("required", (self.tool_choice.function.name,), is_parallel=False)
        return tool_choice(self.tool_choice, None, is_parallel=self.parallel_tool_calls)


class CompletionRequest(AnyCompletionRequest, frozen=True, kw_only=True):
    """The body of `/v1/completions`."""

    prompt: Text
    logprobs: LikelyTokens | None = None

    def probabilities(self) -> int | None:
        """How many likely tokens are to be told beside each; None for nothing of the kind."""
        return self.logprobs


RequestType = TypeVar("RequestType")


def decode_request(body: bytes, kind: type[RequestType]) -> RequestType:
    """Read a body.

    Raises:
        AppError: `request_invalid`, with the field that is wrong.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AppError(ErrorCode.REQUEST_INVALID, reason=str(error)) from error
