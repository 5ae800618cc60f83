"""`gristmill probe`: let the engine write some tokens here and now; crashes when it crashes."""

from __future__ import annotations

import argparse
from typing import get_args

from app.core.events import Finished
from app.inference.self_test.safe_settings import WITHOUT_FLAG, Measure
from app.jobs.reporter import Reporter

NAME = "probe"
HELP = "Try the engine in this very process; self-test starts it as a child."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        WITHOUT_FLAG,
        action="append",
        default=[],
        choices=get_args(Measure),
        help="what the engine is to go without; may repeat",
    )


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Load the probe model and let it write some tokens."""
    from app.inference.self_test.probe import run_probe

    run_probe(tuple(arguments.without))
    reporter.report(Finished())
