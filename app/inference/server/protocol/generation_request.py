"""Fields that all requests for replies share, with bounds; decoding of request bodies."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from app.core.chat_settings import (
    LARGEST_TOKEN_LIMIT,
    RANDOM_SEED,
    Probability,
    RepeatPenalty,
    Temperature,
    TopK,
)
from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.core.recommended_sampling import Mirostat, MirostatEta, MirostatTau, Reach
from app.core.settings import ContextOverflow
from app.inference.sampling.parameters import (
    DryBase,
    DryMultiplier,
    Grammar,
    Penalty,
    SamplingParameters,
    TokenBiases,
)
from app.inference.schemas.json_schemas import AnySchema
from app.inference.server.protocol.known_fields import unknown_fields
from app.inference.server.protocol.request_faults import explain_fault
from app.inference.server.protocol.response_format import JsonSchema, ResponseFormat

OptionName = Annotated[str, Meta(max_length=64, pattern="^[A-Za-z][A-Za-z0-9_]*$")]
Option = Annotated[str, Meta(max_length=1024)] | bool | int | float | None
ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
TemplateOptions = Annotated[dict[OptionName, Option], Meta(max_length=32)]
LikelyTokens = Annotated[int, Meta(ge=0, le=20)]
StopText = Annotated[str, Meta(max_length=4096)]
MAX_CHOICES = 128
Choices = Annotated[int, Meta(ge=1, le=MAX_CHOICES)]
TokenLimit = Annotated[int, Meta(ge=-1, le=LARGEST_TOKEN_LIMIT)]
"""The maximum number of tokens of a reply; -1: until the context is full, as in llama-server."""
Tokens = Annotated[list[Annotated[int, Meta(ge=0, lt=2**31)]], Meta(min_length=1, max_length=2**20)]


class StreamOptions(msgspec.Struct, frozen=True):
    """Options of a stream; `include_obfuscation` (padding) is accepted but has no effect."""

    include_usage: bool | None = False
    include_obfuscation: bool | None = False


class GenerationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that all requests for a reply share."""

    model: Annotated[str, Meta(max_length=1024)] | None = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    stop: StopText | Annotated[list[StopText], Meta(max_length=256)] | None = None
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
    repeat_last_n: Reach | None = None
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
    json_schema: dict[str, Any] | None = None
    ignore_eos: bool | None = None
    context_overflow: ContextOverflow | None = None

    def sampling(self, defaults: SamplingParameters) -> SamplingParameters:
        """Return the sampling parameters: the given values, and defaults for the rest."""
        given = {
            name: value
            for name in SamplingParameters.__struct_fields__
            if name != "seed" and (value := getattr(self, name, None)) is not None
        }
        if self.penalty_last_n is None and self.repeat_last_n is not None:
            given["penalty_last_n"] = self.repeat_last_n
        if self.seed is not None:
            given["seed"] = self.seed & RANDOM_SEED
        return msgspec.structs.replace(defaults, **given)

    def stops(self) -> tuple[str, ...]:
        """Return the strings that end the reply."""
        given = [self.stop] if isinstance(self.stop, str) else self.stop or ()
        return tuple(text for text in given if text)

    def requested_format(self) -> ResponseFormat | None:
        """Return the requested response format, if any."""
        if self.json_schema is None:
            return None
        return ResponseFormat("json_schema", JsonSchema(self.json_schema))

    def count(self) -> int:
        """Return the number of requested replies."""
        return 1

    def requested_schema(self) -> AnySchema | None:
        """Return the schema that the reply must follow, if any.

        Raises:
            AppError: `request_invalid` for an impossible combination.
        """
        form = self.requested_format()
        schema = form.requested_schema() if form else None
        if schema is not None and self.grammar:
            reason = tr("“grammar” can't be combined with a JSON response format")
            raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
        return schema

    def unsupported_tools(self) -> list[str]:
        """Return the tools that are not offered, by index and type."""
        return []

    def token_limit(self) -> int | None:
        """Return the maximum number of tokens of the reply, or None."""
        return None

    def overflow(self) -> ContextOverflow:
        """Return how to proceed when the context is full in the middle of the reply."""
        return self.context_overflow or "stop"

    def top_logprobs_count(self) -> int | None:
        """Return how many likely tokens to report for each token; None for no probabilities."""
        return None


class CompletionRequestBase(GenerationRequest, frozen=True, kw_only=True):
    """The fields that chat and plain completions share."""

    n: Choices | None = None
    n_cmpl: Choices | None = None
    max_tokens: TokenLimit | None = None
    n_predict: TokenLimit | None = None
    response_format: ResponseFormat | None = None
    timings_per_token: bool | None = None

    def requested_format(self) -> ResponseFormat | None:
        """Return the requested response format, if any."""
        return self.response_format or super().requested_format()

    def count(self) -> int:
        """Return the number of requested replies."""
        return self.n or self.n_cmpl or 1

    def token_limit(self) -> int | None:
        """Return the maximum number of tokens of the reply, or None."""
        return limit_of(max_tokens=self.max_tokens, n_predict=self.n_predict)

    @property
    def wants_usage(self) -> bool:
        """True if the stream should end with the token counts."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)


def limit_of(**limits: int | None) -> int | None:
    """Return the first of the given token limits; None for no limit, which may be given as -1.

    Raises:
        AppError: `request_invalid` for a limit of 0.
    """
    name, limit = next(((name, n) for name, n in limits.items() if n is not None), ("", -1))
    if limit == 0:
        reason = tr("`$.{name}` must be at least 1, or -1 for no limit", name=name)
        raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
    return None if limit < 0 else limit


def thinking_options(effort: str | None) -> dict[str, Option]:
    """Return chat template options: `enable_thinking` is Qwen's, `reasoning_effort` gpt-oss's."""
    match effort:
        case None:
            return {}
        case "none":
            return {"enable_thinking": False}
    return {"reasoning_effort": effort}


RequestType = TypeVar("RequestType", bound=msgspec.Struct)


def decode_request(body: bytes, kind: type[RequestType]) -> RequestType:
    """Decode a body.

    Raises:
        AppError: `request_invalid`, naming the field that is invalid or not supported.
    """
    return decode_with_unknown(body, kind)[0]


def decode_with_unknown(body: bytes, kind: type[RequestType]) -> tuple[RequestType, list[str]]:
    """Decode a body; also return its unknown fields.

    Raises:
        AppError: `request_invalid`, naming the field that is invalid or not supported.
    """
    try:
        request = msgspec.json.decode(body, type=kind)
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = explain_fault(body, error, kind)
        raise AppError(ErrorCode.REQUEST_INVALID, reason=reason) from error
    return request, sorted(unknown_fields(fields, kind))
