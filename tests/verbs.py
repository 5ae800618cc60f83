"""Verbs as child processes, as a person starts them and as the window does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import ErrorCode
from app.core.events import Cancel, Event, decode_event, encode
from app.core.sentences import ERROR_SENTENCES
from app.jobs.launch import command_line

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Ended:
    """What a verb did in a terminal."""

    status: int
    lines: list[str]
    complaints: list[str]


def run_verb(*arguments: str, **environment: str) -> Ended:
    """Run a verb as a person does, and wait for its end."""
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
    """A verb that reports events, its standard input open, as the window starts it."""

    def __init__(self, verb: str, *arguments: str, prepare: Callable[[], None] | None = None):
        # A file, because a pipe that nobody reads would stop the child.
        self._log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command_line(verb, *arguments),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            preexec_fn=prepare,
        )
        self.events: list[Event] = []

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.end()

    def read_until(self, is_wanted: Callable[[Event], bool]) -> Event:
        """Read events up to one that is wanted."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.events.append(decode_event(line))
            if is_wanted(self.events[-1]):
                return self.events[-1]
        raise AssertionError(f"the child ended after {self.events[-3:]}\n{self.log()}")

    def cancel(self) -> None:
        """Tell the child to stop."""
        assert self.process.stdin
        self.process.stdin.write(encode(Cancel()))
        self.process.stdin.flush()

    def end(self) -> int:
        """Read the rest of the events; gives the exit status."""
        assert self.process.stdin
        assert self.process.stdout
        if not self.process.stdout.closed:
            self.events += [decode_event(line) for line in self.process.stdout]
            self.process.stdout.close()
        if not self.process.stdin.closed:
            self.process.stdin.close()
        return self.process.wait()

    def log(self) -> str:
        """What the child wrote to its standard error."""
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")


def sentence_of(code: ErrorCode, **facts: str) -> re.Pattern[str]:
    """The one line for an error; facts that are not given may be anything."""
    line = re.escape("gristmill: " + " ".join(ERROR_SENTENCES[code]))
    for name, value in facts.items():
        line = line.replace(re.escape(f"{{{name}}}"), re.escape(value))
    return re.compile(re.sub(r"\\\{\w+\\\}", ".+", line) + r"( \(.+\.log\))?")


def files_below(folder: Path, *ignored: str) -> Mapping[str, int]:
    """Every file and folder with its size, without those below the `ignored` names."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size if path.is_file() else -1
        for path in sorted(folder.rglob("*"))
        if path.relative_to(folder).parts[0] not in ignored
    }
