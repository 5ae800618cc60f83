"""The commands of the checkout, and the programs that each runs after setup."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from console import SetupError, say
from engine import BACKENDS
from environment import Environment
from program import make_program
from steps import set_up

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = {
    "run": "set everything up and open the window",
    "test": "set everything up, run the checks and all tests",
    "setup": "set everything up",
    "unit": "run only the fast tests",
    "lint": "run only the checks",
    "format": "format the source and fix what ruff can fix",
    "hooks": "check style, format and types before every commit",
    "bench": "run the benchmarks",
    "package": "build the packaged program: a folder, an archive and, on Debian, a package",
    "package-test": "test the packaged program as users run it",
    "clean": "remove the environment and the caches from the checkout",
}
_CHECKS = (
    ("Style", ("ruff", "check", ".")),
    ("Format", ("ruff", "format", "--check", ".")),
    ("Types", ("mypy",)),
    ("Import contracts", ("lint-imports",)),
    ("Table of verbs", ("python", "packaging/verb_table.py", "--check")),
)
# One more than there are processors, since tests wait for children; more would starve those.
_SIDE_BY_SIDE = ("pytest", "-n", str(min(4, (os.cpu_count() or 1) + 1)), "--dist", "worksteal")
_FAST_TESTS = ("Fast tests", (*_SIDE_BY_SIDE, "-m", "not slow", "tests/unit"))
_SLOW_UNIT_TESTS = ("Slower unit tests", (*_SIDE_BY_SIDE, "-m", "slow", "tests/unit"))
_STORY_TESTS = (
    "Tests of the window and of child processes",
    (*_SIDE_BY_SIDE, "tests/gui", "tests/processes", "tests/end2end"),
)
PROGRAMS = {
    "test": (*_CHECKS, _FAST_TESTS, _SLOW_UNIT_TESTS, _STORY_TESTS),
    "unit": (_FAST_TESTS,),
    "lint": _CHECKS,
    "format": (
        ("Style", ("ruff", "check", "--fix", ".")),
        ("Format", ("ruff", "format", ".")),
    ),
    "hooks": (("Git hooks", ("pre-commit", "install")),),
    "bench": (("Benchmarks", ("python", "-m", "tests.benchmarks")),),
    "package-test": (
        ("The packaged program", ("python", "-m", "tests.support.machine.packaged_program")),
    ),
}
_REMOVED = (".venv", "build", "dist", "*.egg-info", ".*_cache", "**/__pycache__")


def run_command(arguments: list[str]) -> int:
    """Run one command; the exit status is 0, 1 (failed), 2 (usage) or 130 (canceled)."""
    backends = "|".join(BACKENDS)
    parser = argparse.ArgumentParser(
        prog="bootstrap.py", epilog=f"With make: make COMMAND [BACKEND={backends}]"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, help_text in COMMANDS.items():
        command = commands.add_parser(name, help=help_text, description=help_text)
        command.add_argument("--backend", choices=BACKENDS, help="the backend of the engine")
        if name == "package-test":
            command.add_argument("tried", nargs="*", default=["dist/gristmill"], metavar="PATH")
    parsed = parser.parse_args(arguments)
    # The program and its tests are found relative to the checkout.
    os.chdir(ROOT)
    try:
        return _run(parsed.command, parsed.backend, getattr(parsed, "tried", []))
    except SetupError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("stopped; run the same command to continue")
        return 130


def _run(command: str, backend: str | None, tried: Sequence[str]) -> int:
    if command == "clean":
        return _clean()
    environment = Environment(ROOT)
    set_up(environment, backend, command)
    if command == "run":
        return _open_window(environment)
    if command == "package":
        make_program(environment)
    for title, program in PROGRAMS.get(command, ()):
        say(f"== {title}: {' '.join(program)}")
        name, *rest = (*program, *tried)
        ended = subprocess.run([str(environment.program(name)), *rest], check=False)
        if ended.returncode != 0:
            say(f"== {title}: failed")
            return 1
    return 0


def _open_window(environment: Environment) -> int:
    command = [str(environment.python), "-m", "app"]
    if sys.platform == "win32":
        return subprocess.run(command, check=False).returncode
    # The window replaces this process, so that signals reach it.
    return os.execv(command[0], command)  # noqa: S606 - our own interpreter, no shell


def _clean() -> int:
    for pattern in _REMOVED:
        for path in list(ROOT.glob(pattern)):
            shutil.rmtree(path, ignore_errors=True)
    return 0
