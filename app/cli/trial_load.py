"""`gristmill trial-load`: what llama.cpp logs of loads without memory; crashes when it crashes."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.cli.values import address, positive
from app.core.events import Finished, Said
from app.estimation.cache_types import CACHE_TYPES
from app.jobs.reporter import Reporter

NAME = "trial-load"
HELP = "Load models without allocating memory, and print the log; estimate starts it as a child."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--load",
        action="append",
        type=_load,
        required=True,
        metavar="LAYERS:CONTEXT:FILE",
        help="layers on devices, tokens of the context, a GGUF file; may repeat",
    )
    parser.add_argument("--kv", required=True, choices=CACHE_TYPES)
    parser.add_argument("--flash-attention", required=True, choices=("auto", "on", "off"))
    parser.add_argument("--slots", required=True, type=positive)
    parser.add_argument("--reads-at-once", action="store_true")
    parser.add_argument("--worker", action="append", type=address, default=[], metavar="HOST:PORT")


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Say the log of each load, as soon as it is done."""
    from app.estimation.trial import LoadManner, Trial, load_without_allocation
    from app.native.rpc import add_workers

    workers = tuple(arguments.worker)
    devices = add_workers(workers) if workers else None
    manner = LoadManner(
        cache_type=arguments.kv,
        flash_attention=arguments.flash_attention,
        slots=arguments.slots,
        workers=workers,
        reads_at_once=arguments.reads_at_once,
    )
    for layers, context, file in arguments.load:
        trial = Trial(file, layers, context)
        reporter.report(Said(load_without_allocation(trial, manner, devices)))
    reporter.report(Finished())


def _load(text: str) -> tuple[int, int, Path]:
    layers, _, rest = text.partition(":")
    context, _, file = rest.partition(":")
    if not (layers.isdecimal() and context.isdecimal() and file):
        raise argparse.ArgumentTypeError(f"“{text}” is not of the form LAYERS:CONTEXT:FILE")
    return int(layers), int(context), Path(file)
