"""`gristmill measure-gradients`: measure the harm of every type for every matrix of a checkpoint.

It has a process of its own: the converter's process keeps transformers from seeing torch.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from app.core.events import Finished
from app.core.language import tr
from app.jobs.reporter import Reporter

NAME = "measure-gradients"
HELP = tr("Measure how much errors in each matrix matter; started by convert.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("request", type=Path, help=tr("a file with the request"))
    parser.add_argument("target", type=Path, help=tr("the file to write"))


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Measure, and write the result."""
    import msgspec

    from app.sensitivity.answers import answer
    from app.sensitivity.requests import GradientRequest

    request = msgspec.msgpack.decode(arguments.request.read_bytes(), type=GradientRequest)
    result = answer(request, reporter.report)
    arguments.target.write_bytes(msgspec.msgpack.encode(result))
    reporter.report(Finished())
