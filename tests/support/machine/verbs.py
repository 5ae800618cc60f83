"""Verbs as child processes, started as by a user and as by the window."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

if sys.platform == "linux":
    import fcntl

from app.core.errors import ErrorCode
from app.core.event_lines import decode_event, encode
from app.core.events import Alive, Cancel, Event
from app.core.sentences import ERROR_SENTENCES
from app.core.terminal_steps import TERMINAL_STEPS
from app.jobs.launch import command_line

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Ended:
    """The result of a verb in a terminal."""

    status: int
    lines: list[str]
    complaints: list[str]


def run_verb(*arguments: str, **environment: str) -> Ended:
    """Run a verb as a user does, and wait for its end."""
    child = subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return Ended(child.returncode, child.stdout.splitlines(), child.stderr.splitlines())


class Child:
    """A verb that reports events, with its standard input open, as the window starts it.

    `events` are those read so far, without heartbeats.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        self.process = process
        self.events: list[Event] = []
        self._log = log

    def read_until(self, is_wanted: Callable[[Event], bool]) -> Event:
        """Read events up to a wanted one."""
        for line in self.stdout:
            event = decode_event(line)
            self._keep(event)
            if is_wanted(event):
                return event
        raise AssertionError(f"the child ended after {self.events[-3:]}\n{self.log()}")

    def cancel(self) -> None:
        """Send the child a command to stop."""
        self.stdin.write(encode(Cancel()))
        self.stdin.flush()

    def end(self) -> int:
        """Read the remaining events, and return the exit status."""
        if not self.stdout.closed:
            for line in self.stdout:
                self._keep(decode_event(line))
            self.stdout.close()
        return self.process.wait()

    def _keep(self, event: Event) -> None:
        if not isinstance(event, Alive):
            self.events.append(event)

    @property
    def stdout(self) -> IO[bytes]:
        assert self.process.stdout
        return self.process.stdout

    @property
    def stdin(self) -> IO[bytes]:
        assert self.process.stdin
        return self.process.stdin

    def log(self) -> str:
        """Return the child's standard error."""
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")


@contextmanager
def started(verb: str, *arguments: str) -> Iterator[Child]:
    """Start a verb; it is killed when the block ends."""
    with running(command_line(verb, *arguments)) as child:
        yield child


@contextmanager
def running(command: Sequence[str]) -> Iterator[Child]:
    """Start a command that runs a verb; it is killed when the block ends."""
    # A file, because an unread pipe would block the child.
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        ) as process,
    ):
        child = Child(process, log)
        if sys.platform == "linux":
            # A child with unread events blocks soon, halfway, as the test needs it.
            fcntl.fcntl(child.stdout, fcntl.F_SETPIPE_SZ, 4096)
        try:
            yield child
        finally:
            process.kill()
            child.end()


def sentence_of(code: ErrorCode, **details: str) -> re.Pattern[str]:
    """Return a pattern for the one line of an error; details that are not given match anything."""
    sentence, next_step = ERROR_SENTENCES[code]
    line = re.escape(f"gristmill: {sentence} {TERMINAL_STEPS.get(code, next_step)}")
    for name, value in details.items():
        line = line.replace(re.escape(f"{{{name}}}"), re.escape(value))
    return re.compile(re.sub(r"\\\{\w+\\\}", ".+", line) + r"( \(.+\.log\))?")


def files_below(folder: Path, *ignored: str) -> Mapping[str, int]:
    """Return every file and folder with its size, except those below the `ignored` names."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size if path.is_file() else -1
        for path in sorted(folder.rglob("*"))
        if path.relative_to(folder).parts[0] not in ignored
    }
