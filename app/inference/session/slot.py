"""One of the sequences that the engine keeps: what it has read, and the reply it is writing."""

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
_MOST_EQUAL_TOKENS = 64
_MOST_CYCLES, _SHORTEST_CYCLES, _LONGEST_PERIOD = 32, 512, 128
"""A sentence as often as that, in so many tokens at least: the model won't find an end."""


class RunningReply:
    """A reply as it is written: the sampler's tokens become pieces of text."""

    def __init__(self, generation: Generation, sampler: Sampler, room: int) -> None:
        self.generation = generation
        self._sampler = sampler
        self._text = Detokenizer(generation.stops)
        self._left = sys.maxsize if generation.most_tokens is None else generation.most_tokens
        if generation.overflow == "stop":
            self._left = min(self._left, room)
        self._untold: list[TokenProbability] = []
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
        """Whether its next token is to be chosen beside the engine, for its grammar takes long."""
        is_long = self.generation.is_heavy or self._choice_seconds > _LONG_CHOICE_SECONDS
        is_ruled = bool(self.generation.sampling.grammar) or self.generation.constraint is not None
        return is_ruled and is_long

    def choose(self, context: int, place: int, logits: Callable[[], Floats]) -> int:
        """The next token, after the one at `place` of the last batch.

        With a grammar it needs the logits alone, and may be called from any thread.
        """
        began = time.perf_counter()
        token = self._sampler.sample(context, place, logits)
        self._choice_seconds = time.perf_counter() - began
        return token

    def take(self, token: int, logits: Callable[[], Floats], vocabulary: Vocabulary) -> int | None:
        """Go on with a token, and deliver what is certain; None when the reply has ended."""
        statistics = self.generation.statistics
        if vocabulary.ends_reply(token):
            self._end("stop")
            return None
        statistics.reply_tokens += 1
        self._undelivered += 1
        statistics.reply_seconds = time.monotonic() - self._began
        if self.generation.probabilities is not None:
            self._untold.append(_probability(token, logits(), self.generation, vocabulary))
        self._deliver(self._text.feed(vocabulary.piece(token)))
        if self._text.has_stopped:
            self._end("stop")
        elif statistics.reply_tokens >= self._left:
            self._end("length")
        elif self._repetition.is_endless(token):
            statistics.repeats = True
            self._end("length")
        return None if self.generation.is_over else token

    def end_with(self, error: Exception | None) -> None:
        """End it for a reason from outside."""
        self.generation.end(error)

    def close(self) -> None:
        """Free what it used."""
        self._sampler.close()

    def _end(self, reason: FinishReason) -> None:
        self.generation.statistics.finish_reason = reason
        self._deliver(self._text.finish(), is_last=True)
        self.generation.end()

    def _deliver(self, text: str, *, is_last: bool = False) -> None:
        # Probabilities go with the text that their tokens belong to, or with the last of it.
        if text or (is_last and self._undelivered):
            self.generation.deliver(Piece(text, tuple(self._untold), self._undelivered))
            self._untold.clear()
            self._undelivered = 0


class PendingToken(NamedTuple):
    """A choice on its way: of the next token, among these logits."""

    token: Future[int]
    logits: Floats


class Slot:
    """A sequence of the context.

    `tokens` are the conversation so far, of which the first `read` are in the context's memory;
    it is not `is_whole` once some were taken out of the middle. It `was_continued` if its
    last reply went on from most of what had been read before. Reading makes a stop after the first
    `checkpoint_at` tokens; 0 is for none. While `choice` is there, the next token is being chosen
    beside the engine.
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
        """The tokens that are yet to be evaluated."""
        return self.tokens[self.read :]

    @property
    def next_unread(self) -> list[int]:
        """Those of them that come before the next stop."""
        stops = self.read < self.checkpoint_at
        return self.tokens[self.read : self.checkpoint_at if stops else None]

    def common_with(self, prompt: Sequence[int]) -> int:
        """How many tokens of a prompt are in memory already; its last one never counts."""
        limit = min(self.read, len(prompt) - 1)
        for place in range(limit):
            if self.tokens[place] != prompt[place]:
                return place
        return limit

    def free(self) -> None:
        """Give the reply up; what was read stays, for the next turn."""
        if self.choice is not None:
            wait([self.choice.token])
            self.choice = None
        if self.reply is not None:
            self.reply.close()
            self.reply = None
        self.tokens = self.tokens[: self.read]
        self.last_used = time.monotonic()


class _Repetition:
    """Notices a model that says the same token, or the same few, without end."""

    def __init__(self) -> None:
        self._tokens: list[int] = []
        self._last, self._equal = -1, 0

    def is_endless(self, token: int) -> bool:
        """Whether there is enough of the same."""
        self._tokens.append(token)
        self._equal = self._equal + 1 if token == self._last else 1
        self._last = token
        if self._equal >= _MOST_EQUAL_TOKENS:
            return True
        # Not at every token, because there are many periods to look for.
        return len(self._tokens) % _MOST_EQUAL_TOKENS == 0 and any(
            self._has_period(period, max(_SHORTEST_CYCLES, _MOST_CYCLES * period))
            for period in range(2, _LONGEST_PERIOD + 1)
        )

    def _has_period(self, period: int, length: int) -> bool:
        tail = self._tokens[-length:]
        return len(tail) == length and tail[period:] == tail[:-period]


def _probability(
    token: int, logits: Floats, generation: Generation, vocabulary: Vocabulary
) -> TokenProbability:
    """The chosen token's logarithm, of the model's own distribution before any sampler."""
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
