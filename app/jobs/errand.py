"""A verb as a child of another verb: run to its end, with all that it said."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass

from app.core.events import Command, encode
from app.core.interference import Interference
from app.jobs.launch import child_environment, command_line

_LOOK_SECONDS = 1.0
_LEAST_COUNTED = 0.1
"""Of a time that others have for themselves: what hangs must end on a busy machine, too."""


@dataclass(frozen=True)
class Errand:
    """What a child did; `returncode` is None when it was ended because it took too long."""

    returncode: int | None
    output: bytes
    log: str


class StartedErrand:
    """A verb that runs beside this one, until it is waited for or ended."""

    def __init__(self, verb: str, *arguments: str) -> None:
        # The child leaves when its standard input closes, so that is kept open until it ends.
        reader, self._commands = os.pipe()
        try:
            self._child = subprocess.Popen(
                command_line(verb, *arguments),
                env=child_environment(verb),
                stdin=reader,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except BaseException:
            os.close(self._commands)
            raise
        finally:
            os.close(reader)

    def send(self, command: Command) -> None:
        """Tell it something; one that has ended already hears nothing."""
        with suppress(BrokenPipeError):
            os.write(self._commands, encode(command))

    def wait(self, timeout_seconds: float) -> Errand:
        """Wait for its end, and end it when it takes longer.

        Time that other programs have the processors for does not count.
        """
        interference, left = Interference(), timeout_seconds
        while left > 0:
            seconds = min(left, _LOOK_SECONDS)
            try:
                output, log = self._child.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                left -= seconds * max(_LEAST_COUNTED, 1 - interference.share())
            else:
                return self._ended(self._child.returncode, output, log)
        self._child.kill()
        return self._ended(None, *self._child.communicate())

    def _ended(self, returncode: int | None, output: bytes, log: bytes) -> Errand:
        os.close(self._commands)
        return Errand(returncode, output, log.decode("utf-8", "replace"))

    def end(self) -> None:
        """End it at once."""
        self._child.kill()
        self._child.communicate()
        os.close(self._commands)


def run_errand(verb: str, *arguments: str, timeout_seconds: float) -> Errand:
    """Run a verb that reports events, and wait for it."""
    return StartedErrand(verb, *arguments).wait(timeout_seconds)
