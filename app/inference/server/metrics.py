"""Server metrics in Prometheus's text format."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.inference.session.generation import Statistics


@dataclass
class Metrics:
    """Sums over all finished replies; the names are llama-server's if it has them."""

    replies: int = 0
    refused: int = 0
    prompt_tokens: int = 0
    reused_tokens: int = 0
    reply_tokens: int = 0
    prompt_seconds: float = 0.0
    reply_seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, statistics: Statistics) -> None:
        """Count a finished reply."""
        with self._lock:
            self.replies += 1
            self.prompt_tokens += statistics.prompt_tokens - statistics.reused_tokens
            self.reused_tokens += statistics.reused_tokens
            self.reply_tokens += statistics.reply_tokens
            self.prompt_seconds += statistics.prompt_seconds
            self.reply_seconds += statistics.reply_seconds

    def count_refusal(self) -> None:
        """Count a request that was refused because the queue was full."""
        with self._lock:
            self.refused += 1

    def text(self, active: int, waiting: int) -> str:
        """Return all metrics, with the numbers of replies being generated and waiting."""
        return "".join(self._lines(active, waiting))

    def _lines(self, active: int, waiting: int) -> Iterator[str]:
        for name, kind, help_text, value in (
            ("prompt_tokens_total", "counter", "Prompt tokens evaluated", self.prompt_tokens),
            ("prompt_tokens_reused_total", "counter", "Prompt tokens reused", self.reused_tokens),
            ("prompt_seconds_total", "counter", "Time spent on prompts", self.prompt_seconds),
            ("tokens_predicted_total", "counter", "Tokens generated", self.reply_tokens),
            ("tokens_predicted_seconds_total", "counter", "Time generating", self.reply_seconds),
            ("replies_total", "counter", "Replies that have ended", self.replies),
            ("requests_refused_total", "counter", "Requests refused as too many", self.refused),
            ("requests_processing", "gauge", "Replies being generated", active),
            ("requests_deferred", "gauge", "Requests waiting", waiting),
        ):
            yield f"# HELP gristmill:{name} {help_text}\n# TYPE gristmill:{name} {kind}\n"
            yield f"gristmill:{name} {value}\n"
