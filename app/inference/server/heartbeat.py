"""Report once a second that the engine is alive.

A native call can't report its state. But even slow work uses the CPU: an engine that has been
busy for a minute without using it waits for something that never happens, such as a lock or a
network drive. Only while GPUs or other machines compute may it wait that long.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.core.events import Alive, Event

if TYPE_CHECKING:
    from app.inference.session.engine_thread import EngineThread

_BEAT_SECONDS = 1.0
_PATIENCE_SECONDS = 60.0
_MIN_WORK = 0.005
"""The share of one core below which the engine does no work; the idle server uses less."""


class Heartbeat:
    """Reports `Alive` from its own thread as long as the engine does not hang."""

    def __init__(
        self, report: Callable[[Event], None], patience_seconds: float = _PATIENCE_SECONDS
    ) -> None:
        self._report = report
        self._patience_seconds = patience_seconds
        self._engine: EngineThread | None = None
        self._worked, self._used = time.monotonic(), time.process_time()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def follow(self, engine: EngineThread) -> None:
        """Watch an engine that is about to load."""
        self._engine = engine

    def _beat(self) -> None:
        while True:
            if not self._has_hung():
                self._report(Alive())
            time.sleep(_BEAT_SECONDS)

    def _has_hung(self) -> bool:
        now, used = time.monotonic(), time.process_time()
        may_rest = self._engine is None or self._engine.is_idle or self._engine.has_devices
        if may_rest or used - self._used > _MIN_WORK * self._patience_seconds:
            self._worked, self._used = now, used
        return now - self._worked > self._patience_seconds
