"""How many threads compute: as many as there are cores that other programs leave.

ggml's threads wait for one another hundreds of times for each token. Where another program takes a
core, all of them wait for the thread that lost it: a reply takes three times as long. With a thread
less it takes a third longer.
"""

from __future__ import annotations

import math
import time
from typing import NamedTuple

from app.inference.loading.loaded_model import LoadedModel
from app.machine.contention import allowed_cores, busy_seconds
from app.native.library import load_llama

_LOOK_SECONDS, _STALE_SECONDS = 0.1, 1.0
_SPARE_CORES = 0.4
"""Of a core that others use less of, a thread still makes more than the wait for it costs."""
_FOREGROUND = ("user", "system", "irq", "softirq", "steal")
"""What has been told to give way takes no core from ggml's threads."""


class _Look(NamedTuple):
    """When it was, and the seconds until then: of all cores, and of the thread that asks."""

    at: float
    busy: float
    own: float


class ThreadCount:
    """Takes threads from a context while others need the cores, and gives them back afterwards.

    `update` is called between evaluations, on the thread that evaluates. `batch` threads read
    prompts whatever others do; without a number it is as many as write replies.
    """

    def __init__(self, loaded: LoadedModel, batch: int | None) -> None:
        self._context = loaded.context
        self._most = self.value = loaded.threads
        self._batch = batch
        self._cores = allowed_cores()
        self._last = self._look()

    def update(self) -> None:
        """Choose anew, if the last look was a moment ago."""
        if time.monotonic() - self._last.at < _LOOK_SECONDS:
            return
        before, self._last = self._last, self._look()
        passed = self._last.at - before.at
        # Nobody evaluated for most of that time.
        if passed > _STALE_SECONDS:
            return
        # ggml's other threads work and wait as long as this one does.
        engine = (self._last.own - before.own) * self.value
        others = (self._last.busy - before.busy - engine) / passed
        self._set(math.floor(len(self._cores) - others + _SPARE_CORES))

    def _set(self, free: int) -> None:
        value = min(max(free, 1), self._most)
        if value != self.value:
            self.value = value
            load_llama().llama_set_n_threads(self._context, value, self._batch or value)

    def _look(self) -> _Look:
        return _Look(time.monotonic(), busy_seconds(self._cores, _FOREGROUND), time.thread_time())
