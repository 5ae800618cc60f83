"""The command line of a user whose network is soon found silent: `python -m … VERB --events …`."""

from __future__ import annotations

import functools
import sys

from app.cli.main import run_command_line
from app.hub.snapshot import RetryPolicy
from app.jobs.lifeline import exit_now
from app.streaming import streamed_conversion

COMMAND = (sys.executable, "-m", "tests.support.hub.impatient")


def main() -> None:
    """Run a verb; `get` waits for four seconds, and gives up after four attempts without a byte."""
    policy = functools.partial(
        RetryPolicy, stall_seconds=4.0, first_pause_seconds=0.02, max_attempts=4
    )
    setattr(streamed_conversion, RetryPolicy.__name__, policy)
    exit_now(run_command_line(sys.argv[1:]))


if __name__ == "__main__":
    main()
