"""A slot: one sequence of the context, with the tokens it has read and the reply it generates."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from typing import NamedTuple

import numpy as np

from app.inference.sampling.sampler import Sampler
from app.inference.session.generation import FinishReason, Generation, Piece, TokenProbability
from app.inference.tokens.decoding import Floats
from app.inference.tokens.detokenizer import Detokenizer
from app.inference.tokens.vocabulary import Vocabulary

_LONG_CHOICE_SECONDS = 0.02
_MAX_EQUAL_TOKENS = 64
_MAX_CYCLES, _SHORTEST_CYCLES, _LONGEST_PERIOD = 32, 512, 128
"""A passage repeated this often, over at least that many tokens: the model won't find an end."""


class RunningReply:
    """A reply in progress: turns the sampler's tokens into pieces of text."""

    def __init__(self, generation: Generation, sampler: Sampler, room: int) -> None:
        self.generation = generation
        self._sampler = sampler
        self._text = Detokenizer(generation.stops)
        self._left = sys.maxsize if generation.max_tokens is None else generation.max_tokens
        if generation.overflow == "stop":
            self._left = min(self._left, room)
        self._pending: list[TokenProbability] = []
        self._undelivered = 0
        self._began = time.monotonic()
        self._repetition = _Repetition()
        self._choice_seconds = 0.0
        self.has_read_prompt = False

    def end_prompt(self) -> None:
        """Note that the prompt has been read."""
        now = time.monotonic()
        self.generation.statistics.prompt_seconds = now - self._began
        self._began = now
        self.has_read_prompt = True

    @property
    def is_slow(self) -> bool:
        """True if its next token is sampled on another thread, because its grammar is slow."""
        is_long = self.generation.is_heavy or self._choice_seconds > _LONG_CHOICE_SECONDS
        is_ruled = bool(self.generation.sampling.grammar) or self.generation.constraint is not None
        return is_ruled and is_long

    def choose(self, context: int, index: int, logits: Callable[[], Floats]) -> int:
        """Return the next token, after the one at `index` of the last batch.

        With a grammar it needs only the logits, and may be called from any thread.
        """
        began = time.perf_counter()
        token = self._sampler.sample(context, index, logits)
        self._choice_seconds = time.perf_counter() - began
        return token

    def take(self, token: int, logits: Callable[[], Floats], vocabulary: Vocabulary) -> int | None:
        """Accept a token and deliver final text; return None when the reply has ended."""
        statistics = self.generation.statistics
        if vocabulary.is_eog(token):
            self._end("stop")
            return None
        statistics.reply_tokens += 1
        self._undelivered += 1
        statistics.reply_seconds = time.monotonic() - self._began
        if self.generation.probabilities is not None:
            self._pending.append(_probability(token, logits(), self.generation, vocabulary))
        self._deliver(self._text.feed(vocabulary.piece(token)))
        if self._text.has_stopped:
            self._end("stop")
        elif statistics.reply_tokens >= self._left:
            self._end("length")
        elif self._repetition.is_endless(token):
            statistics.repeats = True
            self._end("length")
        return None if self.generation.is_finished else token

    def end_with(self, error: Exception | None) -> None:
        """End the reply with an external error."""
        self.generation.end(error)

    def close(self) -> None:
        """Free the sampler."""
        self._sampler.close()

    def _end(self, reason: FinishReason) -> None:
        self.generation.statistics.finish_reason = reason
        self._deliver(self._text.finish(), is_last=True)
        self.generation.end()

    def _deliver(self, text: str, *, is_last: bool = False) -> None:
        # Probabilities go with the text of their tokens, or with the last piece.
        if text or (is_last and self._undelivered):
            self.generation.deliver(Piece(text, tuple(self._pending), self._undelivered))
            self._pending.clear()
            self._undelivered = 0


class PendingToken(NamedTuple):
    """A token being sampled on another thread, from these logits."""

    token: Future[int]
    logits: Floats


class Slot:
    """A sequence of the context.

    `tokens` are the conversation so far, of which the first `read` are in the context's memory;
    `is_whole` is false once some were removed from the middle. It `was_continued` if its last
    reply reused most of what had been read before. Reading pauses after the first `checkpoint_at`
    tokens; 0 is for no pause. While `choice` is set, the next token is being sampled on another
    thread.
    """

    def __init__(self, sequence: int) -> None:
        self.sequence = sequence
        self.tokens: list[int] = []
        self.read = 0
        self.is_whole = True
        self.was_continued = False
        self.checkpoint_at = 0
        self.last_used = 0.0
        self.reply: RunningReply | None = None
        self.choice: PendingToken | None = None

    @property
    def unread(self) -> list[int]:
        """The tokens not yet evaluated."""
        return self.tokens[self.read :]

    @property
    def next_unread(self) -> list[int]:
        """The unread tokens before the next pause."""
        stops = self.read < self.checkpoint_at
        return self.tokens[self.read : self.checkpoint_at if stops else None]

    def common_with(self, prompt: Sequence[int]) -> int:
        """Return how many tokens of a prompt are already in memory; its last token never counts."""
        limit = min(self.read, len(prompt) - 1)
        for index in range(limit):
            if self.tokens[index] != prompt[index]:
                return index
        return limit

    def free(self) -> None:
        """Release the reply; the tokens that were read stay, for the next turn."""
        if self.choice is not None:
            wait([self.choice.token])
            self.choice = None
        if self.reply is not None:
            self.reply.close()
            self.reply = None
        self.tokens = self.tokens[: self.read]
        self.last_used = time.monotonic()


class _Repetition:
    """Detects a model that endlessly repeats the same token or the same few."""

    def __init__(self) -> None:
        self._tokens: list[int] = []
        self._last, self._equal = -1, 0

    def is_endless(self, token: int) -> bool:
        """Return whether the reply has become an endless repetition."""
        self._tokens.append(token)
        self._equal = self._equal + 1 if token == self._last else 1
        self._last = token
        if self._equal >= _MAX_EQUAL_TOKENS:
            return True
        # Not at every token, because there are many periods to check.
        return len(self._tokens) % _MAX_EQUAL_TOKENS == 0 and any(
            self._has_period(period, max(_SHORTEST_CYCLES, _MAX_CYCLES * period))
            for period in range(2, _LONGEST_PERIOD + 1)
        )

    def _has_period(self, period: int, length: int) -> bool:
        tail = self._tokens[-length:]
        return len(tail) == length and tail[period:] == tail[:-period]


def _probability(
    token: int, logits: Floats, generation: Generation, vocabulary: Vocabulary
) -> TokenProbability:
    """Return the sampled token's log probability, before any sampler is applied."""
    highest = float(logits.max())
    base = highest + float(np.log(np.exp(logits - highest).sum(dtype=np.float64)))
    count = generation.probabilities or 0
    likeliest = np.argpartition(logits, -count)[-count:] if count else np.empty(0, np.int64)
    ordered = likeliest[np.argsort(-logits[likeliest])]
    return TokenProbability(
        token,
        vocabulary.piece(token),
        float(logits[token]) - base,
        tuple((int(n), vocabulary.piece(int(n)), float(logits[n]) - base) for n in ordered),
    )
