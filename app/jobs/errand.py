"""A verb as a child of another verb: run to its end, with all that it said."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass

from app.jobs.launch import child_environment, command_line


@dataclass(frozen=True)
class Errand:
    """What a child did; `returncode` is None when it was ended because it took too long."""

    returncode: int | None
    output: bytes
    log: str


def run_errand(verb: str, *arguments: str, timeout_seconds: float) -> Errand:
    """Run a verb that reports events, and wait for it."""
    # The child leaves when its standard input closes, so that is kept open until it ends.
    reader, writer = os.pipe()
    try:
        child = subprocess.run(
            command_line(verb, *arguments),
            env=child_environment(verb),
            stdin=reader,
            capture_output=True,
            timeout=timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        return Errand(None, expired.stdout or b"", _text_of(expired.stderr or b""))
    finally:
        os.close(reader)
        os.close(writer)
    return Errand(child.returncode, child.stdout, _text_of(child.stderr))


def _text_of(log: bytes) -> str:
    return log.decode("utf-8", "replace")
