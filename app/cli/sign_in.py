"""The verb `sign-in`: keeps an access token of the Hub in the system's keyring."""

from __future__ import annotations

import argparse
import getpass
import signal
import sys

from app.core.errors import Cancelled
from app.core.events import Finished
from app.hub.token import store_token
from app.jobs import lifeline
from app.jobs.reporter import Reporter

NAME = "sign-in"
HELP = "Keep an access token for gated and private repositories in the system's keyring."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare no arguments: a token in one could be read by every program."""


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Ask for the token, or receive it from the parent, and store it."""
    store_token(lifeline.receive_secret() if arguments.events else _ask())
    reporter.report(Finished())


def _ask() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline()
    # Ctrl+C must come out of getpass, which then makes the terminal show what is typed again.
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return getpass.getpass("Access token (it is not shown): ")
    except (EOFError, KeyboardInterrupt) as error:
        raise Cancelled from error
