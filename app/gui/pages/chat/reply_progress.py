"""Words about a reply in progress, shown below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.core.language import tr
from app.core.sizes import format_duration, format_pace

Phase = Literal["loading", "waiting", "reading", "writing"]
_FEWEST_TOKENS = 5
_LONG_SECONDS = 3


@dataclass(frozen=True)
class ReplyProgress:
    """A reply in progress; figures of a server that reports none are 0.

    Attributes:
        phase: what it is doing; it is waiting if other replies take all slots.
        seconds: how long it has been in progress.
        tokens: the length so far.
        tokens_per_second: the speed so far.
    """

    phase: Phase
    seconds: float
    tokens: int = 0
    tokens_per_second: float = 0.0


def progress_words(progress: ReplyProgress) -> str:
    """Return a line about a reply in progress."""
    match progress.phase:
        case "loading":
            return tr("Waiting for the model to load…")
        case "waiting":
            return tr("Waiting for the reply in another chat…")
        case "reading" if progress.seconds >= _LONG_SECONDS:
            return tr("Reading the prompt… {time}", time=format_duration(progress.seconds))
        case "reading":
            return tr("Reading the prompt…")
    if progress.tokens < _FEWEST_TOKENS or not progress.tokens_per_second:
        return tr("Writing…")
    return tr(
        "Writing… {speed} tokens/s · {count} tokens",
        speed=format_pace(progress.tokens_per_second),
        count=f"{progress.tokens:,}",
    )
