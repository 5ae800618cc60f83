"""Command lines and environment of child processes."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.core.resources import is_packaged

_SECRET = re.compile(r"(?i)(token|secret|passw|credential|api_?key|private_?key)")
_TOKEN_VERBS = frozenset({"browse", "convert", "download", "estimate", "get", "publish", "search"})
"""Verbs that use the Hub, or may."""
LENT_TOKEN = "GRISTMILL_HUB_TOKEN"
"""Variable with a token for `huggingface.co` that no keyring keeps."""
_TOKEN_VARIABLES = frozenset({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", LENT_TOKEN})
_lent: dict[str, str] = {}
_changed: dict[str, str | None] = {}
"""The former values of variables that were changed for others' code."""

RENDER = "--render-templates"
PIP = "--pip"
OPEN_PAGES = "--open-pages"
"""First arguments that start children other than verbs."""


def command_line(verb: str, *arguments: str) -> list[str]:
    """Return the command that runs `verb` as a child that reports events."""
    return [*program_command(), verb, "--events", *arguments]


def is_own_command(command: Sequence[str]) -> bool:
    """Return whether a command line starts this program."""
    program = program_command()
    if is_packaged():
        # The window and the command line are two executables in one folder.
        return bool(command) and Path(command[0]).parent == Path(program[0]).parent
    return list(command[: len(program)]) == program


def renderer_command_line() -> list[str]:
    """Return the command for the child that renders templates; it starts faster than a verb."""
    return [*program_command(), RENDER]


def pip_command_line(*arguments: str) -> list[str]:
    """Return the command for pip, which the packaged program includes."""
    return [*program_command(), PIP, *arguments]


def pages_command_line() -> list[str]:
    """Return the command for the child that opens each page of the window once."""
    return [*program_command(), OPEN_PAGES]


def child_environment(verb: str, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a child: without secrets, but for the Hub's if the verb uses it."""
    inherited = own_environment() if environment is None else environment
    uses_hub = verb in _TOKEN_VERBS
    kept = {
        name: value
        for name, value in inherited.items()
        if not _SECRET.search(name) or (uses_hub and name in _TOKEN_VARIABLES)
    }
    return {**kept, **_lent} if uses_hub else kept


def own_environment() -> dict[str, str]:
    """Return the environment of this program, without what was changed for others' code."""
    kept = {name: value for name, value in os.environ.items() if name not in _changed}
    return kept | {name: value for name, value in _changed.items() if value is not None}


def change_for_others(**variables: str) -> None:
    """Set variables for others' code in this process, and take the Hub's tokens away from it."""
    for name in (*variables, *_TOKEN_VARIABLES):
        _changed.setdefault(name, os.environ.pop(name, None))
    os.environ.update(variables)


def lend_token(token: str) -> None:
    """Give a token to the children that use the Hub, until this process ends.

    It isn't in the environment of this process, which other programs inherit.
    """
    _lent[LENT_TOKEN] = token


def restore_environment() -> None:
    """Remove PyInstaller's additions from the environment, for the system's own programs.

    A browser that is opened from here would otherwise load the packaged libraries.
    """
    if not is_packaged():
        return
    original = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    os.environ.pop("LD_LIBRARY_PATH", None)
    if original is not None:
        os.environ["LD_LIBRARY_PATH"] = original
    # Children of this program must add it again.
    os.environ["PYINSTALLER_RESET_ENVIRONMENT"] = "1"


def program_command() -> list[str]:
    """Return the command that starts this program, without arguments."""
    return [sys.executable] if is_packaged() else [sys.executable, "-m", "app"]
