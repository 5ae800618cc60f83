"""`gristmill measure-rates`: time a device in this process; an engine crash ends it."""

from __future__ import annotations

import argparse
from typing import get_args

from app.cli.values import add_worker_argument, thread_count
from app.core.events import Finished, RatesMeasured
from app.core.language import tr
from app.estimation.rates import MATRIX_TYPES
from app.inference.self_test.safe_settings import WITHOUT_FLAG, Countermeasure
from app.jobs.reporter import Reporter

NAME = "measure-rates"
HELP = tr("Time the engine's operations on a device; started by estimate as a child.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--device", required=True, help=tr("the engine's name of the device, such as CPU")
    )
    parser.add_argument("--threads", required=True, type=thread_count)
    parser.add_argument(
        "--type",
        action="append",
        default=[],
        choices=sorted(MATRIX_TYPES),
        help=tr("a type of weights to time; repeatable"),
    )
    parser.add_argument(
        "--costs",
        action="store_true",
        help=tr("also time what doesn't depend on the type of weights"),
    )
    parser.add_argument(WITHOUT_FLAG, action="append", default=[], choices=get_args(Countermeasure))
    add_worker_argument(parser)


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Report the rates as they are measured."""
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
