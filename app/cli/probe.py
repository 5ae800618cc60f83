"""`gristmill probe`: let the engine write some tokens here and now; crashes when it crashes."""

from __future__ import annotations

import argparse

from app.core.events import Finished
from app.jobs.reporter import Reporter

NAME = "probe"
HELP = "Try the engine in this very process; self-test starts it as a child."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--safe", action="store_true", help="with the safe setting")


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Load the probe model and let it write some tokens."""
    from app.inference.probe import run_probe

    run_probe(has_extra_buffers=not arguments.safe)
    reporter.report(Finished())
