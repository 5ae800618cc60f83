"""How fast a level reads and writes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Speed:
    """Predicted tokens per second, while a prompt is read and while a reply is written."""

    prompt_tokens_per_second: float
    generation_tokens_per_second: float
