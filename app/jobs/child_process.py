"""Child processes: start one, feed it, collect what it writes, and end it."""

from __future__ import annotations

import math
import queue
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import IO

from app.core.event_lines import encode
from app.core.events import Command
from app.jobs.launch import child_environment, command_line
from app.machine.contention import Contention

_LOOK_SECONDS = 1.0
_MAX_FOR_OTHERS = 0.9
"""Upper limit of the share of time counted as lost to others: a hung child must end on a busy
machine, too."""


class ChildProcess:
    """A child whose output is read as it comes, so that it never blocks on a full pipe.

    Its standard input stays open until it ends: a child that follows its parent takes the close for
    the parent's death.

    Attributes:
        lines: Lines of its standard output; an empty one marks the end.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], *, keeps_log: bool = True
    ) -> None:
        """Start `command`; without `keeps_log` what it writes to standard error is dropped."""
        pipe = subprocess.PIPE
        log = pipe if keeps_log else subprocess.DEVNULL
        self._process = subprocess.Popen(
            command, env=environment, stdin=pipe, stdout=pipe, stderr=log
        )
        self.lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._log: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._readers = [
            _started_reader(stream, into)
            for stream, into in (
                (self._process.stdout, self.lines),
                (self._process.stderr, self._log),
            )
            if stream is not None
        ]
        if not keeps_log:
            self._log.put(b"")

    def __enter__(self) -> ChildProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()

    @property
    def process_id(self) -> int:
        """The process ID."""
        return self._process.pid

    def send(self, line: bytes) -> None:
        """Write a line to standard input; a child that has ended ignores it."""
        assert self._process.stdin is not None  # noqa: S101 - opened in the constructor
        with suppress(OSError, ValueError):
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def wait(self, seconds: float) -> int | None:
        """Return the exit status, None if the child runs longer than `seconds`."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> None:
        """Kill the child if it is still running, and close the pipes."""
        assert self._process.stdin is not None  # noqa: S101 - opened in the constructor
        self._process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join()
        with suppress(OSError):
            self._process.stdin.close()

    def remaining_lines(self) -> Iterator[bytes]:
        """Yield the lines of standard output not taken yet, until the last one."""
        return iter(self.lines.get, b"")

    def log(self) -> str:
        """Return what an ended child wrote to standard error; may be called once."""
        return b"".join(iter(self._log.get, b"")).decode("utf-8", "replace")


def _started_reader(stream: IO[bytes], into: queue.SimpleQueue[bytes]) -> threading.Thread:
    def read() -> None:
        with stream:
            for line in stream:
                into.put(line)
        into.put(b"")

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    return reader


@dataclass(frozen=True)
class ChildResult:
    """Result of a verb: its exit status, None if killed at its time limit, and what it wrote.

    `was_starved` is true if other programs, which kept the CPU busy, used up that time.
    """

    returncode: int | None
    output: bytes
    log: str
    was_starved: bool = False


class RunningVerb:
    """A verb that runs alongside this one until it is waited for or ended."""

    def __init__(self, verb: str, *arguments: str) -> None:
        self._child = ChildProcess(command_line(verb, *arguments), child_environment(verb))

    def send(self, command: Command) -> None:
        """Send a command; a child that has ended ignores it."""
        self._child.send(encode(command))

    def wait(self, timeout_seconds: float, max_starved_seconds: float = math.inf) -> ChildResult:
        """Wait for the verb's end, and kill it when its time is up.

        Args:
            timeout_seconds: Limit that doesn't count time lost to other programs.
            max_starved_seconds: Limit of that lost time.
        """
        contention, counted, lost = Contention(), 0.0, 0.0
        returncode = None
        while returncode is None and counted < timeout_seconds and lost < max_starved_seconds:
            seconds = min(timeout_seconds - counted, _LOOK_SECONDS)
            returncode = self._child.wait(seconds)
            if returncode is None:
                others = seconds * min(contention.share(), _MAX_FOR_OTHERS)
                lost, counted = lost + others, counted + seconds - others
        self._child.end()
        was_starved = returncode is None and counted < timeout_seconds
        return ChildResult(
            returncode, b"".join(self._child.remaining_lines()), self._child.log(), was_starved
        )

    def end(self) -> None:
        """Kill the verb at once."""
        self._child.end()


def run_verb(
    verb: str, *arguments: str, timeout_seconds: float, max_starved_seconds: float = math.inf
) -> ChildResult:
    """Run a verb that reports events, and wait for it as `RunningVerb.wait` does."""
    return RunningVerb(verb, *arguments).wait(timeout_seconds, max_starved_seconds)
