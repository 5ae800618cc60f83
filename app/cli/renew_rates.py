"""`gristmill renew-rates`: measure disturbed rates again once other programs are quiet."""

from __future__ import annotations

import argparse

from app.cli.values import thread_count
from app.core.events import Finished, RatesMeasured
from app.core.language import tr
from app.estimation.rates import MATRIX_TYPES
from app.jobs.reporter import Reporter

NAME = "renew-rates"
HELP = tr("Measure rough rates again once other programs are quiet; started by the window.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--threads", required=True, type=thread_count)
    parser.add_argument(
        "--type",
        action="append",
        default=[],
        choices=sorted(MATRIX_TYPES),
        help=tr("a type of weights to time; repeatable"),
    )


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Wait at low priority, and report the rates once none of them is rough."""
    import msgspec

    from app.core.settings import load_settings
    from app.inference.self_test.probe import known_setting
    from app.machine.cores import lower_thread_priority
    from app.native.rpc import add_workers
    from app.profiling.rate_benchmark import BenchmarkRequest
    from app.profiling.rate_store import quiet_rates
    from app.profiling.this_machine import read_hardware

    lower_thread_priority()
    workers = load_settings()[0].workers
    if workers:
        add_workers(workers)
    setting = known_setting()
    without = setting.disabled_features if setting is not None else ()
    request = BenchmarkRequest(arguments.threads, workers, without)
    rates = quiet_rates(read_hardware(), arguments.type, request)
    reporter.report(RatesMeasured(msgspec.Raw(msgspec.json.encode(rates))))
    reporter.report(Finished())
