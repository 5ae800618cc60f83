"""Requests and responses of a chat with an OpenAI-compatible server."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from app.core.chat_settings import ChatSettings


@dataclass(frozen=True)
class ChatServer:
    """The server and the model that are asked for a reply.

    `is_ours` marks the engine that this program runs: it listens on loopback, has no time limit for
    a prompt, and supports `context_overflow` and `timings_per_token`.
    """

    url: str
    key: str
    model: str
    is_ours: bool
    context_overflow: str | None = None


class WireMessage(msgspec.Struct, frozen=True):
    """A message as it is sent."""

    role: str
    content: str


class Timings(msgspec.Struct, frozen=True):
    """The server's measurements, in milliseconds and tokens per second."""

    prompt_n: int = 0
    prompt_ms: float = 0.0
    predicted_n: int = 0
    predicted_ms: float = 0.0
    predicted_per_second: float = 0.0


class _StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool


class _Body(msgspec.Struct, frozen=True, omit_defaults=True):
    messages: Sequence[WireMessage]
    model: str
    stream: bool
    stream_options: _StreamOptions
    context_overflow: str | None = None
    timings_per_token: bool = False
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None
    max_tokens: int | None = None
    seed: int | None = None


class Delta(msgspec.Struct, frozen=True):
    """New text. `reasoning_content` is called `reasoning` by vLLM and Ollama."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class ChunkChoice(msgspec.Struct, frozen=True):
    """The new part of the only reply."""

    delta: Delta | None = None
    finish_reason: str | None = None


class WireError(msgspec.Struct, frozen=True):
    """The reason why there is no reply.

    If the server is our own, `code` is an `ErrorCode`, and `facts` are the details of the error.
    """

    message: str = ""
    code: object = None
    facts: object = None


class Usage(msgspec.Struct, frozen=True):
    """The number of tokens of the reply."""

    completion_tokens: int = 0


class Chunk(msgspec.Struct, frozen=True):
    """One event of a stream, or the body of an error response.

    Only our own server sends `notice`: what it did differently from the request, as a `message`.
    """

    choices: list[ChunkChoice] = []
    notice: object = None
    timings: Timings | None = None
    usage: Usage | None = None
    error: WireError | str | None = None


class ReplyClock:
    """Measures a reply, for servers that don't report their own measurements."""

    def __init__(self) -> None:
        self._reported: Timings | None = None
        self._tokens = 0
        self._began: float | None = None

    def begin(self) -> None:
        """Start the clock at the first text."""
        if self._began is None:
            self._began = time.monotonic()

    def note(self, timings: Timings | None, usage: Usage | None) -> None:
        """Take the measurements of one event."""
        self._reported = timings or self._reported
        self._tokens = usage.completion_tokens if usage else self._tokens

    def timings(self) -> Timings:
        """Return the measurements of the reply, which has just ended."""
        if self._reported is not None or self._began is None:
            return self._reported or Timings()
        seconds = time.monotonic() - self._began
        # The clock starts with the first token, which it therefore doesn't count.
        speed = (self._tokens - 1) / seconds if seconds > 0 and self._tokens > 1 else 0.0
        # The network and the rhythm of the events are in it: decimals would claim too much.
        speed = float(round(speed)) if speed >= 1 else round(speed, 1)
        return Timings(predicted_n=self._tokens, predicted_per_second=speed)


def request_body(
    server: ChatServer, messages: Sequence[WireMessage], settings: ChatSettings
) -> bytes:
    """Encode a request; what the settings leave open isn't sent."""
    chosen = msgspec.structs.asdict(settings)
    if prompt := chosen.pop("system_prompt").strip():
        messages = [WireMessage("system", prompt), *messages]
    body = _Body(
        messages,
        server.model,
        stream=True,
        stream_options=_StreamOptions(include_usage=True),
        context_overflow=server.context_overflow,
        timings_per_token=server.is_ours,
        **chosen,
    )
    return msgspec.json.encode(body)
