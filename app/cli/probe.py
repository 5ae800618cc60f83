"""`gristmill probe`: generate some tokens in this process; an engine crash ends it."""

from __future__ import annotations

import argparse
from typing import get_args

from app.core.events import Finished
from app.core.language import tr
from app.inference.self_test.safe_settings import WITHOUT_FLAG, Countermeasure
from app.jobs.reporter import Reporter

NAME = "probe"
HELP = tr("Try the engine in this process; started by self-test as a child.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        WITHOUT_FLAG,
        action="append",
        default=[],
        choices=get_args(Countermeasure),
        help=tr("a feature that the engine must not use; repeatable"),
    )


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Load the probe model and generate some tokens."""
    from app.inference.self_test.probe import run_probe

    run_probe(tuple(arguments.without))
    reporter.report(Finished())
