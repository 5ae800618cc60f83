"""One reply on its way: what is asked for, how far it is, and where its pieces go."""

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
    """The figures of one reply; times in seconds. `reused_tokens` were read in an earlier turn.

    `repeats` tells that the model was stopped because it said the same without end;
    `dropped_tokens` were given up in the middle of the reply, to make room.
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
    """A token that was chosen, and the likeliest that were not: natural logarithms."""

    token: int
    piece: bytes
    logarithm: float
    others: tuple[tuple[int, bytes, float], ...] = ()


class Piece(NamedTuple):
    """A piece of a reply: text that is certain, and its tokens' probabilities if asked for.

    `tokens` is how many were written since the piece before.
    """

    text: str
    probabilities: tuple[TokenProbability, ...] = ()
    tokens: int = 0


@dataclass(eq=False)
class Generation:
    """A request for a reply to a prompt of tokens.

    `sampler` is there once the request is prepared, until the reply begins. A heavy one leaves a
    slot to others. `deliver` is called on the engine's thread: with each piece, with the error that
    ended it, or with None at its end. `probabilities` is how many likely tokens are told beside
    each chosen one; None tells nothing of the kind.
    """

    prompt: Sequence[int]
    sampling: SamplingParameters
    most_tokens: int | None = None
    stops: Sequence[str] = ()
    overflow: ContextOverflow = "stop"
    probabilities: int | None = None
    constraint: Constraint | None = None
    deliver: Callable[[Piece | Exception | None], None] = lambda _: None
    statistics: Statistics = field(default_factory=Statistics)
    sampler: Sampler | None = None
    is_heavy: bool = False
    is_cancelled: bool = False
    is_over: bool = False

    def end(self, error: Exception | None = None) -> None:
        """Tell whoever waits that nothing more comes, and why if it went wrong."""
        if self.sampler is not None:
            self.sampler.close()
            self.sampler = None
        if not self.is_over:
            self.is_over = True
            self.deliver(error)
