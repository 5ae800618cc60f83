"""A chat with an OpenAI-compatible server, as it goes over the wire."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec


@dataclass(frozen=True)
class ChatServer:
    """Where a reply is asked for, and of which model.

    `is_own` is for the engine that this program runs: it lives on loopback, may read a prompt for
    as long as it likes, and knows what a full context is to do (`context_overflow`).
    """

    url: str
    key: str
    model: str
    is_own: bool
    context_overflow: str | None = None


class WireMessage(msgspec.Struct, frozen=True):
    """A message as it is sent."""

    role: str
    content: str


class Timings(msgspec.Struct, frozen=True):
    """What the server measured; milliseconds and tokens per second."""

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


class Delta(msgspec.Struct, frozen=True):
    """New text. `reasoning` is the name that vLLM and Ollama have for `reasoning_content`."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class ChunkChoice(msgspec.Struct, frozen=True):
    """What is new of the one reply."""

    delta: Delta | None = None
    finish_reason: str | None = None


class WireError(msgspec.Struct, frozen=True):
    """Why there is no reply."""

    message: str = ""


class Usage(msgspec.Struct, frozen=True):
    """How many tokens the reply has."""

    completion_tokens: int = 0


class Chunk(msgspec.Struct, frozen=True):
    """One event of a stream, or the whole of a refusal.

    `notice` is of our own server: what it did otherwise than wished, with a `message`.
    """

    choices: list[ChunkChoice] = []
    notice: object = None
    timings: Timings | None = None
    usage: Usage | None = None
    error: WireError | str | None = None


class ReplyClock:
    """What the server measured, or where it measures nothing, what was seen from here."""

    def __init__(self) -> None:
        self._told: Timings | None = None
        self._tokens = 0
        self._began: float | None = None

    def begin(self) -> None:
        """The first text is here."""
        if self._began is None:
            self._began = time.monotonic()

    def note(self, timings: Timings | None, usage: Usage | None) -> None:
        """What one event told."""
        self._told = timings or self._told
        self._tokens = usage.completion_tokens if usage else self._tokens

    def timings(self) -> Timings:
        """The figures of the reply, which has just ended."""
        if self._told is not None or self._began is None:
            return self._told or Timings()
        seconds = time.monotonic() - self._began
        # The first token came before its clock began.
        speed = (self._tokens - 1) / seconds if seconds > 0 and self._tokens > 1 else 0.0
        return Timings(predicted_n=self._tokens, predicted_per_second=speed)


def request_body(server: ChatServer, messages: Sequence[WireMessage]) -> bytes:
    """A request as bytes."""
    body = _Body(
        messages,
        server.model,
        stream=True,
        stream_options=_StreamOptions(include_usage=True),
        context_overflow=server.context_overflow,
    )
    return msgspec.json.encode(body)
