"""How a verb is started as a child process."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence

_SECRET = re.compile(r"(?i)(token|secret|passw|credential|api_?key|private_?key)")
_TOKEN_VERBS = frozenset({"download"})

RENDER = "--render-templates"


def command_line(verb: str, *arguments: str) -> list[str]:
    """The command that runs `verb` in a child that reports events."""
    return [*program_command(), verb, "--events", *arguments]


def is_own_command(command: Sequence[str]) -> bool:
    """Whether a process was started by such a command: it is one of this program's."""
    program = program_command()
    return list(command[: len(program)]) == program


def renderer_command_line() -> list[str]:
    """The command for the child that renders chat templates; it is no verb, and starts faster."""
    return [*program_command(), RENDER]


def child_environment(verb: str, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a child: without secrets, but for the verbs that talk to the Hub."""
    inherited = os.environ if environment is None else environment
    if verb in _TOKEN_VERBS:
        return dict(inherited)
    return {name: value for name, value in inherited.items() if not _SECRET.search(name)}


def program_command() -> list[str]:
    """The command that starts this program, to which its arguments are added."""
    return [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "app"]
