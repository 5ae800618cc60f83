"""Reporter of a child's events: JSON lines on a private copy of standard output."""

from __future__ import annotations

import os
import sys
import threading
from typing import Protocol

from app.core.event_lines import encode
from app.core.events import Event


class Reporter(Protocol):
    """Receiver of events."""

    def report(self, event: Event) -> None:
        """Handle an event; thread-safe."""


class PipeReporter:
    """Reporter that writes each event as one line to the parent.

    Create it before native code is imported: it redirects standard output to standard error, so
    that a library's output can't get between the events. The copy stays open until the process
    ends: the parent takes its close for the child's end and then closes the child's input.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pipe = os.dup(1)
        os.dup2(2, 1)
        sys.stdout = sys.stderr

    def restore_output(self) -> None:
        """Restore standard output, for the process that replaces this one."""
        os.dup2(self._pipe, 1)

    def report(self, event: Event) -> None:
        """Write the event; ignore a dead parent, which the lifeline detects."""
        line = encode(event)
        with self._lock:
            try:
                while line:
                    line = line[os.write(self._pipe, line) :]
            except BrokenPipeError:
                return
