"""Measure how long the window's event loop is blocked."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from PySide6.QtCore import QTimer

_TICK_MILLISECONDS = 5


class LongestGap:
    """The longest time between two ticks while the context is open, in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._timer = QTimer(interval=_TICK_MILLISECONDS)
        self._timer.timeout.connect(self._tick)

    def __enter__(self) -> Self:
        self._last = time.monotonic()
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.stop()

    def _tick(self) -> None:
        now = time.monotonic()
        self.seconds = max(self.seconds, now - self._last)
        self._last = now
