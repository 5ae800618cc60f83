"""What clients may ask for, in the form of OpenAI's API, with a bound on every field."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from app.core.errors import AppError, ErrorCode
from app.inference.prompt import ChatMessage
from app.inference.sampling import Probability, Sampling

_MOST_TOKENS = 2**24
_LONGEST_TEXT = 32 * 2**20
Text = Annotated[str, Meta(max_length=_LONGEST_TEXT)]
TokenCount = Annotated[int, Meta(ge=1, le=_MOST_TOKENS)]
StopText = Annotated[str, Meta(min_length=1, max_length=256)]


class ContentPart(msgspec.Struct, frozen=True):
    """A part of a message's content; only text can be read so far."""

    type: Annotated[str, Meta(max_length=64)]
    text: Text = ""

    def as_text(self) -> str:
        """The text of the part.

        Raises:
            AppError: `request_invalid` when it is an image or the like.
        """
        if self.type != "text":
            reason = f"only text can be read, not “{self.type}”"
            raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
        return self.text


class RequestMessage(msgspec.Struct, frozen=True):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Text | Annotated[list[ContentPart], Meta(max_length=1024)]

    def as_chat_message(self) -> ChatMessage:
        """The message as templates take it.

        Raises:
            AppError: `request_invalid` when it holds more than text.
        """
        role = "system" if self.role == "developer" else self.role
        if isinstance(self.content, str):
            return ChatMessage(role, self.content)
        return ChatMessage(role, "\n".join(part.as_text() for part in self.content))


class StreamOptions(msgspec.Struct, frozen=True):
    """What a stream carries besides text."""

    include_usage: bool = False


class GenerationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What chat and plain completions have in common."""

    model: Annotated[str, Meta(max_length=1024)] = ""
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Literal[1] = 1
    max_tokens: TokenCount | None = None
    stop: StopText | Annotated[list[StopText], Meta(max_length=16)] | None = None
    seed: int | None = None
    temperature: Annotated[float, Meta(ge=0, le=5)] | None = None
    top_k: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    top_p: Probability | None = None
    min_p: Probability | None = None
    repeat_penalty: Annotated[float, Meta(ge=0.1, le=10)] | None = None
    frequency_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    presence_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None

    def sampling(self, defaults: Sampling) -> Sampling:
        """The values that were given, over the defaults."""
        given = {
            name: value
            for name in Sampling.__struct_fields__
            if name != "seed" and (value := getattr(self, name, None)) is not None
        }
        if self.seed is not None:
            given["seed"] = self.seed & 0xFFFFFFFF
        return msgspec.structs.replace(defaults, **given)

    def stops(self) -> tuple[str, ...]:
        """The texts that end the reply."""
        if self.stop is None:
            return ()
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)

    def token_limit(self) -> int | None:
        """The most tokens that the reply may have, or None."""
        return self.max_tokens

    @property
    def wants_usage(self) -> bool:
        """Whether the last event of the stream is to carry the token counts."""
        return self.stream_options is not None and self.stream_options.include_usage


class ChatRequest(GenerationRequest, frozen=True, kw_only=True):
    """The body of `/v1/chat/completions`."""

    messages: Annotated[list[RequestMessage], Meta(min_length=1, max_length=16_384)]
    max_completion_tokens: TokenCount | None = None

    def token_limit(self) -> int | None:
        """The most tokens that the reply may have, or None."""
        return self.max_completion_tokens or self.max_tokens


class CompletionRequest(GenerationRequest, frozen=True, kw_only=True):
    """The body of `/v1/completions`."""

    prompt: Text


RequestType = TypeVar("RequestType", ChatRequest, CompletionRequest)


def decode_request(body: bytes, kind: type[RequestType]) -> RequestType:
    """Read a body.

    Raises:
        AppError: `request_invalid`, with the field that is wrong.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AppError(ErrorCode.REQUEST_INVALID, reason=str(error)) from error
