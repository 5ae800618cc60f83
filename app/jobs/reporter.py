"""The child's voice: events as JSON lines over a private copy of standard output."""

from __future__ import annotations

import os
import sys
import threading
from typing import Protocol

from app.core.events import Event, encode


class Reporter(Protocol):
    """Whoever wants to know how a piece of work goes."""

    def report(self, event: Event) -> None:
        """Take note of one event; may be called from any thread."""


class PipeReporter:
    """Writes each event as one line to the parent.

    Made before native code is imported: from then on standard output leads to standard error, so
    that nothing a library prints can end up among the events. The copy stays open to the end of the
    process: the parent takes its end for the child's, and ends the child's standard input then.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pipe = os.dup(1)
        os.dup2(2, 1)
        sys.stdout = sys.stderr

    def give_back(self) -> None:
        """Give standard output back, for the process that takes this one's place."""
        os.dup2(self._pipe, 1)

    def report(self, event: Event) -> None:
        """Write the event; a parent that is gone is noticed by the lifeline, not here."""
        line = encode(event)
        with self._lock:
            try:
                while line:
                    line = line[os.write(self._pipe, line) :]
            except BrokenPipeError:
                return
