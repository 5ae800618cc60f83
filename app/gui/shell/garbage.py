"""Run Python's garbage collector between events, never during one.

An automatic collection can start with any new object, also inside a paint event, and destroy
widgets while Qt draws, which crashes the process. So it runs from a timer.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

_INTERVAL_MILLISECONDS = 1000
_OLDEST_GENERATION = 2


class GarbageCollection(QObject):
    """Replaces automatic collection, with the same thresholds, as long as it exists."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        gc.disable()
        # Objects of the start stay for good: no collection needs to check them again.
        gc.freeze()
        self._timer = QTimer(self, interval=_INTERVAL_MILLISECONDS)
        self._timer.timeout.connect(collect_if_due)
        self._timer.start()


def collect_if_due() -> None:
    """Collect the oldest generation whose threshold is exceeded, as Python would."""
    pairs = list(zip(gc.get_count(), gc.get_threshold(), strict=True))
    for generation in range(_OLDEST_GENERATION, -1, -1):
        count, threshold = pairs[generation]
        if count > threshold:
            gc.collect(generation)
            return
