"""How a verb is started as a child process."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.core.resources import is_packaged

_SECRET = re.compile(r"(?i)(token|secret|passw|credential|api_?key|private_?key)")
_TOKEN_VERBS = frozenset({"download"})

RENDER = "--render-templates"
PIP = "--pip"
OPEN_PAGES = "--open-pages"
"""Children that are no verbs, as the program's first argument."""


def command_line(verb: str, *arguments: str) -> list[str]:
    """The command that runs `verb` in a child that reports events."""
    return [*program_command(), verb, "--events", *arguments]


def is_own_command(command: Sequence[str]) -> bool:
    """Whether a process was started by such a command: it is one of this program's."""
    program = program_command()
    if is_packaged():
        # The window and the command line are two programs in one folder.
        return bool(command) and Path(command[0]).parent == Path(program[0]).parent
    return list(command[: len(program)]) == program


def renderer_command_line() -> list[str]:
    """The command for the child that renders chat templates; it is no verb, and starts faster."""
    return [*program_command(), RENDER]


def pip_command_line(*arguments: str) -> list[str]:
    """The command for pip as a child, which the packaged program brings along."""
    return [*program_command(), PIP, *arguments]


def pages_command_line() -> list[str]:
    """The command for the child that opens each page of the window once."""
    return [*program_command(), OPEN_PAGES]


def child_environment(verb: str, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a child: without secrets, but for the verbs that talk to the Hub."""
    inherited = os.environ if environment is None else environment
    if verb in _TOKEN_VERBS:
        return dict(inherited)
    return {name: value for name, value in inherited.items() if not _SECRET.search(name)}


def restore_environment() -> None:
    """Take what PyInstaller added out of the environment, for the system's own programs.

    A browser that is opened from here would load the packaged libraries instead of its own.
    """
    if not is_packaged():
        return
    original = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    os.environ.pop("LD_LIBRARY_PATH", None)
    if original is not None:
        os.environ["LD_LIBRARY_PATH"] = original
    # So that children of this very program add it again.
    os.environ["PYINSTALLER_RESET_ENVIRONMENT"] = "1"


def program_command() -> list[str]:
    """The command that starts this program, to which its arguments are added."""
    return [sys.executable] if is_packaged() else [sys.executable, "-m", "app"]
