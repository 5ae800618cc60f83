"""Output of setup: one line per step, and the elapsed time of long steps."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_REPAINT_SECONDS = 1
_LINE_SECONDS = 15
_ERROR = re.compile(r"(?i)\berror: ")
_LONGEST_REASON = 160


class SetupError(Exception):
    """Setup can't continue; the message is one line that names a next step."""


def say(text: str) -> None:
    """Write one line."""
    sys.stderr.write(f"gristmill: {text}\n")
    sys.stderr.flush()


def run_step(
    title: str,
    command: Sequence[str],
    log: Path,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run `command`, with its output in `log`, and show the elapsed time.

    Raises:
        SetupError: the command failed; the message has the reason and the log's path.
    """
    say(title)
    log.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        ) as process,
    ):
        try:
            _wait(process, began)
        except BaseException:
            process.terminate()
            raise
    if process.returncode != 0:
        reason = failure_reason(log.read_text("utf-8", "replace"))
        raise SetupError(f"the step failed: {reason} (log: {log})")


def failure_reason(log: str) -> str:
    """Return the line of a log that best explains the failure."""
    if "connection broken" in log:
        return "no connection to the package registry"
    lines = [line.strip() for line in log.splitlines() if line.strip()] or ["no output"]
    # CMake prints the place of an error on one line and its message on the next.
    from_cmake = [
        line
        for place, line in itertools.pairwise(lines)
        if place.startswith("CMake Error") and not line.startswith("CMake Error")
    ]
    told = from_cmake or [line for line in lines if _ERROR.search(line)] or lines[-1:]
    return told[0][:_LONGEST_REASON]


def format_elapsed(seconds: float) -> str:
    """Format a duration, such as `45 s` or `3 min 05 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _wait(process: subprocess.Popen[bytes], began: float) -> None:
    is_terminal = sys.stderr.isatty()
    while True:
        try:
            process.wait(_REPAINT_SECONDS if is_terminal else _LINE_SECONDS)
            break
        except subprocess.TimeoutExpired:
            elapsed = format_elapsed(time.monotonic() - began)
            sys.stderr.write(f"\r  {elapsed} " if is_terminal else f"  ... {elapsed}\n")
            sys.stderr.flush()
    if is_terminal:
        sys.stderr.write("\r" + " " * 16 + "\r")
