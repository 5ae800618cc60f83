"""Adapt the number of compute threads to the cores that other programs leave free.

ggml's threads wait for one another hundreds of times per token. If another program takes a core,
all of them wait for the thread that lost it: a reply takes three times as long. With one thread
less, it takes only a third longer.
"""

from __future__ import annotations

import math
import time
from typing import NamedTuple

from app.inference.loading.loaded_model import LoadedModel
from app.machine.contention import allowed_cores, busy_seconds
from app.native.library import load_llama

_SAMPLE_SECONDS, _STALE_SECONDS = 0.1, 1.0
_SPARE_CORES = 0.4
"""A thread on a core of which others use less than this gains more than waiting for it costs."""
_FOREGROUND = ("user", "system", "irq", "softirq", "steal")
"""Processes of low priority (nice) take no core from ggml's threads."""


class _Sample(NamedTuple):
    """A point in time, and the CPU seconds until then: of all cores, and of the calling thread."""

    at: float
    busy: float
    own: float


class ThreadCount:
    """Reduces a context's threads while others need the cores, and restores them afterwards.

    `update` is called between evaluations, on the thread that evaluates. `batch` threads process
    prompts regardless of other programs; None uses as many as generation does.
    """

    def __init__(self, loaded: LoadedModel, batch: int | None) -> None:
        self._context = loaded.context
        self._max = self.value = loaded.threads
        self._batch = batch
        self._cores = allowed_cores()
        self._last = self._sample()

    def update(self) -> None:
        """Choose again, unless the last sample is recent."""
        if time.monotonic() - self._last.at < _SAMPLE_SECONDS:
            return
        before, self._last = self._last, self._sample()
        passed = self._last.at - before.at
        # Most of that time nothing was evaluated.
        if passed > _STALE_SECONDS:
            return
        # ggml's other threads compute and wait as long as this one.
        engine = (self._last.own - before.own) * self.value
        others = (self._last.busy - before.busy - engine) / passed
        self._set(affordable_threads(len(self._cores), others, self._max))

    def _set(self, value: int) -> None:
        if value != self.value:
            self.value = value
            load_llama().llama_set_n_threads(self._context, value, self._batch or value)

    def _sample(self) -> _Sample:
        return _Sample(time.monotonic(), busy_seconds(self._cores, _FOREGROUND), time.thread_time())


def affordable_threads(cores: int, others: float, maximum: int) -> int:
    """Return how many of `maximum` threads to use while other programs keep `others` cores busy."""
    return min(max(math.floor(cores - others + _SPARE_CORES), 1), maximum)
