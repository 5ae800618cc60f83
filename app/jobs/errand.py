"""A verb as a child of another verb: run to its end, with all that it said."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass

import psutil

from app.core.events import Command, encode
from app.jobs.launch import child_environment, command_line

_PATIENCE_FACTOR = 4


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

        On a machine that is busy with others it has several times as long, unless it has used the
        processor for `timeout_seconds` by then.
        """
        returncode: int | None = None
        for _ in range(_PATIENCE_FACTOR):
            try:
                output, log = self._child.communicate(timeout=timeout_seconds)
            except subprocess.TimeoutExpired:
                if self._processor_seconds() >= timeout_seconds:
                    break
            else:
                returncode = self._child.returncode
                break
        if returncode is None:
            self._child.kill()
            output, log = self._child.communicate()
        os.close(self._commands)
        return Errand(returncode, output, log.decode("utf-8", "replace"))

    def _processor_seconds(self) -> float:
        try:
            times = psutil.Process(self._child.pid).cpu_times()
        except psutil.Error:
            return 0.0
        used: float = times.user + times.system
        return used

    def end(self) -> None:
        """End it at once."""
        self._child.kill()
        self._child.communicate()
        os.close(self._commands)


def run_errand(verb: str, *arguments: str, timeout_seconds: float) -> Errand:
    """Run a verb that reports events, and wait for it."""
    return StartedErrand(verb, *arguments).wait(timeout_seconds)
