"""Detect a hung child by the absence of its signs of life."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from app.gui.children.child import Child

_TICK_MILLISECONDS = 1000
_TICKS_AT_START = 60
_TICKS = 10


class Watchdog(QObject):
    """Watches a child while it runs, and emits `timed_out` when it has been silent too long.

    The limit is 10 seconds, or a minute before the first event: the first start may be slow.
    It counts ticks instead of time, so that a suspended machine doesn't count as silence.
    """

    timed_out = Signal()

    def __init__(self, child: Child) -> None:
        super().__init__(child)
        self._left = _TICKS_AT_START
        self._timer = QTimer(self, interval=_TICK_MILLISECONDS)
        self._timer.timeout.connect(self._tick)
        child.received.connect(self._restart)
        child.ended.connect(self._timer.stop)
        self._timer.start()

    def _restart(self) -> None:
        self._left = _TICKS

    def _tick(self) -> None:
        self._left -= 1
        if self._left == 0:
            self.timed_out.emit()
