"""Notices that a child has hung: one that gives signs of life gives none any more."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from app.gui.children.child import Child

_TICK_MILLISECONDS = 1000
_TICKS_AT_START = 60
_TICKS = 10


class Silence(QObject):
    """Listens to a child for as long as it lives; `lasted` says that it is silent for too long.

    That is 10 seconds, or a minute before its first event: a program's first start may be slow.
    Ticks are counted and not the time, so that a machine that slept is no reason.
    """

    lasted = Signal()

    def __init__(self, child: Child) -> None:
        super().__init__(child)
        self._left = _TICKS_AT_START
        self._timer = QTimer(self, interval=_TICK_MILLISECONDS)
        self._timer.timeout.connect(self._tick)
        child.received.connect(self._begin_anew)
        child.ended.connect(self._timer.stop)
        self._timer.start()

    def _begin_anew(self) -> None:
        self._left = _TICKS

    def _tick(self) -> None:
        self._left -= 1
        if self._left == 0:
            self.lasted.emit()
