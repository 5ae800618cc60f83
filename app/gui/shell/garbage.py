"""When Python's garbage is collected: between events, never in the middle of one.

A collection can start with any new object, also inside a paint event, and then take widgets apart
while Qt draws; that ends the process. So it runs from a timer, when nothing else does.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

_INTERVAL_MILLISECONDS = 1000
_OLDEST_GENERATION = 2


class GarbageCollection(QObject):
    """Takes the automatic collection's place, with its thresholds, for as long as it lives."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        gc.disable()
        # What the start has made stays for good: no collection needs to look at it again.
        gc.freeze()
        self._timer = QTimer(self, interval=_INTERVAL_MILLISECONDS)
        self._timer.timeout.connect(collect_if_due)
        self._timer.start()


def collect_if_due() -> None:
    """Collect the oldest generation whose threshold is passed, as Python itself would."""
    pairs = list(zip(gc.get_count(), gc.get_threshold(), strict=True))
    for generation in range(_OLDEST_GENERATION, -1, -1):
        count, threshold = pairs[generation]
        if count > threshold:
            gc.collect(generation)
            return
