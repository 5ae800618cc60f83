"""Restart a verb in a new process, for things that a process can do only once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import NoReturn

from app.jobs.launch import own_environment, program_command
from app.jobs.lifeline import exit_now

_MARK = "GRISTMILL_STARTED_OVER"


class RestartRequested(Exception):  # noqa: N818 - a decision, not an error
    """Raised to restart a verb in a new process; `variables` tell that process why."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__("the verb restarts")
        self.variables = dict(variables)


def has_restarted() -> bool:
    """Return whether this process replaced one that ran the same command."""
    return _MARK in os.environ


def restart(variables: Mapping[str, str]) -> NoReturn:
    """Replace this process with the same command with additional environment variables.

    It inherits standard input and output, and with them the lifeline to the parent.
    """
    command = [*program_command(), *sys.argv[1:]]
    environment = {**own_environment(), **variables, _MARK: "1"}
    if sys.platform == "win32":
        # On Windows, a replacement is a new process that the parent doesn't wait for.
        exit_now(subprocess.run(command, env=environment, check=False).returncode)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, environment)  # noqa: S606 - our own program, no shell
