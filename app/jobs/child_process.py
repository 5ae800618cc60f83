"""A verb as a child of another verb: run to its end, with all that it said."""

from __future__ import annotations

import math
import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass

from app.core.events import Command, encode
from app.jobs.launch import child_environment, command_line
from app.machine.contention import Contention

_LOOK_SECONDS = 1.0
_MOST_FOR_OTHERS = 0.9
"""Of all time: what hangs must end on a busy machine, too."""


@dataclass(frozen=True)
class ChildResult:
    """What a child did; `returncode` is None when it was ended because it took too long.

    It `gave_way` when that was for others, who had the processors.
    """

    returncode: int | None
    output: bytes
    log: str
    gave_way: bool = False


class RunningVerb:
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

    def wait(self, timeout_seconds: float, most_lost_seconds: float = math.inf) -> ChildResult:
        """Wait for its end, and end it when it takes longer.

        Args:
            timeout_seconds: time that other programs have the processors for does not count.
            most_lost_seconds: but it is not waited longer than for so much of that.
        """
        interference, counted, lost = Contention(), 0.0, 0.0
        while counted < timeout_seconds and lost < most_lost_seconds:
            seconds = min(timeout_seconds - counted, _LOOK_SECONDS)
            try:
                output, log = self._child.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                others = seconds * min(interference.share(), _MOST_FOR_OTHERS)
                lost, counted = lost + others, counted + seconds - others
            else:
                return self._ended(self._child.returncode, output, log)
        self._child.kill()
        return self._ended(None, *self._child.communicate(), gave_way=counted < timeout_seconds)

    def _ended(
        self, returncode: int | None, output: bytes, log: bytes, *, gave_way: bool = False
    ) -> ChildResult:
        os.close(self._commands)
        return ChildResult(returncode, output, log.decode("utf-8", "replace"), gave_way)

    def end(self) -> None:
        """End it at once."""
        self._child.kill()
        self._child.communicate()
        os.close(self._commands)


def run_verb(
    verb: str, *arguments: str, timeout_seconds: float, most_lost_seconds: float = math.inf
) -> ChildResult:
    """Run a verb that reports events, and wait for it as `RunningVerb.wait` does."""
    return RunningVerb(verb, *arguments).wait(timeout_seconds, most_lost_seconds)
