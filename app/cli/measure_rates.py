"""`gristmill measure-rates`: how fast a device computes; crashes when the engine crashes."""

from __future__ import annotations

import argparse
from typing import get_args

from app.cli.values import add_worker_argument, positive
from app.core.events import Finished, RatesMeasured
from app.estimation.rates import MATRIX_TYPES
from app.inference.self_test.safe_settings import WITHOUT_FLAG, Measure
from app.jobs.reporter import Reporter

NAME = "measure-rates"
HELP = "Time the engine's operations on a device; estimate starts it as a child."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--device", required=True, help="the engine's name for it, such as CPU")
    parser.add_argument("--threads", required=True, type=positive)
    parser.add_argument(
        "--type",
        action="append",
        default=[],
        choices=sorted(MATRIX_TYPES),
        help="of weights; may repeat",
    )
    parser.add_argument(
        "--costs", action="store_true", help="also what does not depend on a type of weights"
    )
    parser.add_argument(WITHOUT_FLAG, action="append", default=[], choices=get_args(Measure))
    add_worker_argument(parser)


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Say the rates, a piece as soon as it is measured."""
    import msgspec

    from app.native.rpc import add_workers
    from app.profiling.rate_benchmark import BenchmarkRequest, measure_device

    workers = tuple(arguments.worker or ())
    if workers:
        add_workers(workers)
    request = BenchmarkRequest(arguments.threads, workers, tuple(arguments.without))
    for rates in measure_device(
        arguments.device, arguments.type, request, with_costs=arguments.costs
    ):
        reporter.report(RatesMeasured(msgspec.Raw(msgspec.json.encode(rates))))
    reporter.report(Finished())
