"""The command line: finds the verb, runs it, and turns every end into an exit status."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Protocol, cast

from app import __version__
from app.cli.terminal import terminal_reporter
from app.core import leftovers
from app.core.errors import AppError, Cancelled, ErrorCode
from app.core.events import Failed
from app.core.files import NO_ROOM
from app.core.settings import load_settings
from app.jobs import lifeline
from app.jobs.outcome import EXIT_CANCELLED, EXIT_FAILED, EXIT_USAGE
from app.jobs.reporter import PipeReporter, Reporter
from app.jobs.start_over import StartOver, has_started_over, start_over


class Verb(Protocol):
    """A module of this package that is a verb."""

    NAME: str
    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""

    def run(self, arguments: argparse.Namespace, reporter: Reporter) -> None:
        """Do the work; raises `AppError` when it can't be done."""


VERBS = (
    "download",
    "convert",
    "estimate",
    "models",
    "chat",
    "measure",
    "serve",
    "worker",
    "endpoints",
    "setup",
    "self-test",
    "sign-in",
    "probe",
    "dry-load",
    "read-vocabulary",
    "measure-rates",
)
CHILD_VERBS = frozenset({"probe", "dry-load", "read-vocabulary", "measure-rates"})
"""Verbs that others start as children, which have told what there is to tell."""
_USAGE_ERRORS = frozenset({ErrorCode.LEVEL_MISSING, ErrorCode.ONE_FILE_FOR_SEVERAL_LEVELS})


def run_command_line(arguments: list[str]) -> int:
    """Run one verb; the exit status is 0, 1 (failed), 2 (usage) or 130 (cancelled)."""
    parser = _parser(verbs_for(arguments))
    parsed = parser.parse_args(arguments)
    lifeline.stop_on_signals()
    if parsed.events:
        lifeline.follow_parent()
    reporter = PipeReporter() if parsed.events else terminal_reporter(parsed.verb)
    try:
        leftovers.sweep()
        _report_settings(parsed.verb, reporter)
        parsed.run(parsed, reporter)
    except Cancelled:
        return EXIT_CANCELLED
    except StartOver as again:
        reporter.give_back()
        start_over(again.variables)
    except AppError as error:
        reporter.report(Failed(error.code, error.facts))
        return EXIT_USAGE if error.code in _USAGE_ERRORS else EXIT_FAILED
    except BrokenPipeError:
        # Whoever read the results has enough of them, as "head" does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_FAILED
    except Exception as error:  # noqa: BLE001 - the last road: a fault of the program itself
        reporter.report(_unnamed_fault(error))
        return EXIT_FAILED
    return 0


def _unnamed_fault(error: Exception) -> Failed:
    """What to report of an error that nothing closer to it has named."""
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return Failed(ErrorCode.OUTPUT_NOT_WRITABLE, {"reason": os.strerror(error.errno)})
    traceback.print_exception(error, file=sys.stderr)
    return Failed(ErrorCode.INTERNAL, {"detail": f"{type(error).__name__}: {error}"})


def _report_settings(verb: str, reporter: Reporter) -> None:
    """Report the settings that could not be understood, unless another process does."""
    # The engine that a chat starts says it.
    if verb in {*CHILD_VERBS, "chat"} or has_started_over():
        return
    _, notice = load_settings()
    if notice is not None:
        reporter.report(notice)


def verbs_for(arguments: list[str]) -> Iterator[Verb]:
    """The verb that is asked for, else all of them: to import those takes a fifth of a second."""
    wanted = arguments[:1] if arguments and arguments[0] in VERBS else VERBS
    for name in wanted:
        yield cast("Verb", import_module(f"app.cli.{name.replace('-', '_')}"))


def _parser(choices: Iterable[Verb]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gristmill",
        description="From a Hugging Face repository to a GGUF file to a reply. "
        "Without a verb it opens the window.",
    )
    parser.add_argument("--version", action="version", version=f"gristmill {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb in choices:
        of_verb = verbs.add_parser(verb.NAME, help=verb.HELP, description=verb.HELP)
        verb.add_arguments(of_verb)
        of_verb.add_argument(
            "--events", action="store_true", help="print typed events, one JSON line each"
        )
        of_verb.set_defaults(run=verb.run)
    return parser
