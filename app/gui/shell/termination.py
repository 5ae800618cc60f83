"""Turn the signals with which a system ends a program into a Qt signal."""

from __future__ import annotations

import signal
import socket
from contextlib import suppress

from PySide6.QtCore import QObject, QSocketNotifier, Signal


class Termination(QObject):
    """Emits `requested` for Ctrl+C, SIGTERM and the end of a terminal or a session."""

    requested = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        # Python's own handlers wait for Python code, of which an idle window runs none.
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), lambda *_: None)
        self._notifier = QSocketNotifier(
            self._reader.fileno(), QSocketNotifier.Type.Read, parent=self
        )
        self._notifier.activated.connect(self._on_signal)

    def _on_signal(self) -> None:
        with suppress(BlockingIOError):
            self._reader.recv(1)
        self.requested.emit()
