"""Beginning a verb again in a new process, for what a process can do only once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import NoReturn

from app.jobs.launch import program_command
from app.jobs.lifeline import leave

_MARK = "GRISTMILL_STARTED_OVER"


class StartOver(Exception):  # noqa: N818 - a decision, not an error
    """Raised through a verb that must begin again; `variables` tell it why."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__("the verb starts over")
        self.variables = dict(variables)


def has_started_over() -> bool:
    """Whether this process took the place of one that ran the same command."""
    return _MARK in os.environ


def start_over(variables: Mapping[str, str]) -> NoReturn:
    """Run the same command with more environment variables, in the place of this process.

    Standard input and output go on to it, and with them the bond with the parent.
    """
    command = [*program_command(), *sys.argv[1:]]
    environment = {**os.environ, **variables, _MARK: "1"}
    if sys.platform == "win32":
        # There a process that takes another's place is a stranger to whoever waits for it.
        leave(subprocess.run(command, env=environment, check=False).returncode)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, environment)  # noqa: S606 - our own program, no shell
