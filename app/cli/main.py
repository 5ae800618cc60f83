"""The command line: find the verb, run it, and turn its outcome into an exit status."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Protocol, cast

from app import __version__
from app.cli.terminal import TerminalReporter, terminal_reporter
from app.core import leftovers
from app.core.errors import AppError, Canceled, ErrorCode
from app.core.events import Failed
from app.core.files import NO_ROOM
from app.core.language import tr
from app.core.settings import load_settings
from app.jobs import lifeline
from app.jobs.outcome import EXIT_CANCELED, EXIT_FAILED, EXIT_USAGE
from app.jobs.reporter import PipeReporter, Reporter
from app.jobs.restart import RestartRequested, has_restarted, restart


class Verb(Protocol):
    """The interface that each verb's module in this package implements."""

    NAME: str
    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""

    def run(self, arguments: argparse.Namespace, reporter: Reporter) -> None:
        """Do the work.

        Raises:
            AppError: the work failed with an expected error.
        """


VERBS = (
    "search",
    "get",
    "download",
    "convert",
    "estimate",
    "models",
    "chat",
    "measure",
    "publish",
    "serve",
    "worker",
    "endpoints",
    "setup",
    "self-test",
    "sign-in",
    "browse",
    "probe",
    "dry-load",
    "read-vocabulary",
    "measure-gradients",
    "measure-rates",
    "renew-rates",
    "preview-template",
)
CHILD_VERBS = frozenset(
    {
        "browse",
        "probe",
        "dry-load",
        "read-vocabulary",
        "measure-gradients",
        "measure-rates",
        "renew-rates",
        "preview-template",
    }
)
"""Verbs that only the window or other verbs start; those have reported notices of settings."""
_RESUMING = frozenset({"download", "get", "publish"})
"""Verbs that go on where they were stopped."""
_USAGE_ERRORS = frozenset(
    {
        ErrorCode.LEVEL_MISSING,
        ErrorCode.FLAGS_CONFLICT,
        ErrorCode.FLAG_NEEDS_OTHER,
        ErrorCode.ONE_FILE_FOR_SEVERAL_LEVELS,
        ErrorCode.CHANGES_MISSING,
    }
)


def run_command_line(arguments: list[str]) -> int:
    """Run one verb; the exit status is 0, 1 (failed), 2 (usage) or 130 (canceled)."""
    parser = _parser(verbs_for(arguments))
    parsed, unknown = parser.parse_known_args(arguments)
    if unknown:
        # argparse itself would show the usage of the whole program.
        parsed.parser.error(tr("unknown arguments: {list}", list=" ".join(unknown)))
    lifeline.stop_on_signals()
    if parsed.events:
        lifeline.follow_parent()
    as_json = getattr(parsed, "files_as_json", False)
    if parsed.events:
        return _run(parsed, PipeReporter())
    reporter = terminal_reporter(parsed.verb, as_json=as_json)
    words = tr("Stopped. Run it again to go on.") if parsed.verb in _RESUMING else tr("Stopped.")
    lifeline.on_interrupt(lambda: reporter.say_aside(words))
    status = _run(parsed, reporter)
    if status == EXIT_CANCELED:
        reporter.say_aside(words)
    return status


def _run(parsed: argparse.Namespace, reporter: PipeReporter | TerminalReporter) -> int:
    try:
        leftovers.sweep()
        _report_settings(parsed.verb, reporter)
        parsed.run(parsed, reporter)
    except Canceled:
        return EXIT_CANCELED
    except RestartRequested as again:
        reporter.restore_output()
        restart(again.variables)
    except AppError as error:
        reporter.report(Failed(error.code, error.details))
        return EXIT_USAGE if error.code in _USAGE_ERRORS else EXIT_FAILED
    except BrokenPipeError:
        # The reader of the results closed the pipe, as "head" does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_FAILED
    except Exception as error:  # noqa: BLE001 - an error of the program itself
        reporter.report(_unexpected_failure(error))
        return EXIT_FAILED
    return 0


def _unexpected_failure(error: Exception) -> Failed:
    """Return the failure to report for an uncaught exception."""
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return Failed(ErrorCode.OUTPUT_NOT_WRITABLE, {"reason": os.strerror(error.errno)})
    traceback.print_exception(error, file=sys.stderr)
    return Failed(ErrorCode.INTERNAL, {"detail": f"{type(error).__name__}: {error}"})


def _report_settings(verb: str, reporter: Reporter) -> None:
    """Report settings that could not be read, unless another process reports them."""
    # A chat leaves that to the engine that it starts.
    if verb in {*CHILD_VERBS, "chat"} or has_restarted():
        return
    _, notice = load_settings()
    if notice is not None:
        reporter.report(notice)


def verbs_for(arguments: list[str]) -> Iterator[Verb]:
    """Yield the verb named in the arguments, or else all of them; importing all takes 0.2 s."""
    names = arguments[:1] if arguments and arguments[0] in VERBS else VERBS
    for name in names:
        yield cast("Verb", import_module(f"app.cli.{name.replace('-', '_')}"))


def _parser(choices: Iterable[Verb]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gristmill",
        description=tr(
            "Download Hugging Face models, convert them to GGUF and chat with them. "
            "Without a verb, the window opens."
        ),
    )
    parser.add_argument("--version", action="version", version=f"gristmill {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb in choices:
        verb_parser = verbs.add_parser(verb.NAME, help=verb.HELP, description=verb.HELP)
        verb.add_arguments(verb_parser)
        verb_parser.add_argument(
            "--events", action="store_true", help=tr("print typed events, one JSON object per line")
        )
        verb_parser.set_defaults(run=verb.run, parser=verb_parser)
    return parser
