"""A reply being generated: its request, its statistics, and the pieces it delivers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from app.core.settings import ContextOverflow
from app.inference.sampling.parameters import SamplingParameters

if TYPE_CHECKING:
    from app.inference.sampling.constraints import Constraint
    from app.inference.sampling.sampler import Sampler

FinishReason = Literal["stop", "length"]


@dataclass
class Statistics:
    """Token counts and times (seconds) of one reply; `reused_tokens` were read in an earlier turn.

    `repeats` is set if the model was stopped because it kept repeating itself; `dropped_tokens`
    were removed from the context in the middle of the reply, to make room.
    """

    prompt_tokens: int = 0
    reused_tokens: int = 0
    reply_tokens: int = 0
    dropped_tokens: int = 0
    prompt_seconds: float = 0.0
    reply_seconds: float = 0.0
    finish_reason: FinishReason = "stop"
    repeats: bool = False


@dataclass(frozen=True)
class TokenProbability:
    """A sampled token and the likeliest others, with natural logarithms of their probabilities."""

    token: int
    piece: bytes
    logprob: float
    others: tuple[tuple[int, bytes, float], ...] = ()


class Piece(NamedTuple):
    """A piece of a reply: final text, and its tokens' probabilities if requested.

    `tokens` is the number generated since the previous piece.
    """

    text: str
    probabilities: tuple[TokenProbability, ...] = ()
    tokens: int = 0


@dataclass(eq=False)
class Generation:
    """A request for a reply to a prompt of tokens.

    `sampler` is set from the preparation of the request until the reply begins. A heavy one leaves
    a slot for others. `deliver` is called on the engine's thread: with each piece, with the error
    that ended the reply, or with None at its end. `probabilities` is the number of likely tokens
    to report alongside each sampled one; None reports no probabilities.
    """

    prompt: Sequence[int]
    sampling: SamplingParameters
    max_tokens: int | None = None
    stops: Sequence[str] = ()
    overflow: ContextOverflow = "stop"
    probabilities: int | None = None
    constraint: Constraint | None = None
    deliver: Callable[[Piece | Exception | None], None] = lambda _: None
    statistics: Statistics = field(default_factory=Statistics)
    sampler: Sampler | None = None
    is_heavy: bool = False
    is_canceled: bool = False
    is_finished: bool = False

    def end(self, error: Exception | None = None) -> None:
        """Deliver the end of the reply, or the error that ended it."""
        if self.sampler is not None:
            self.sampler.close()
            self.sampler = None
        if not self.is_finished:
            self.is_finished = True
            self.deliver(error)
