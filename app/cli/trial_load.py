"""`gristmill trial-load`: what llama.cpp logs of loads without memory; crashes when it crashes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from app.cli.values import path
from app.core.events import Finished, Said
from app.jobs.reporter import Reporter

if TYPE_CHECKING:
    from app.profiling.dry_load import DryLoadOptions

NAME = "trial-load"
HELP = "Load models without allocating memory, and say what was logged; estimate starts it."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("options", type=_trial_options, help="a JSON file: how to load them")
    parser.add_argument("models", type=path, nargs="+", help="GGUF files")


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Say what each load told, as soon as it is done."""
    from app.native.rpc import add_workers
    from app.profiling.dry_load import DryLoad, load_without_allocation

    wanted: DryLoadOptions = arguments.options
    workers = wanted.setup.workers
    devices = add_workers(workers) if workers else None
    for model, loads in zip(arguments.models, wanted.loads, strict=True):
        for told in load_without_allocation(DryLoad(model, loads), wanted.setup, devices):
            reporter.report(Said(msgspec.json.encode(told).decode()))
    reporter.report(Finished())


def _trial_options(text: str) -> DryLoadOptions:
    from app.profiling.dry_load import DryLoadOptions

    try:
        return msgspec.json.decode(Path(text).read_bytes(), type=DryLoadOptions)
    except (OSError, msgspec.DecodeError) as error:
        raise argparse.ArgumentTypeError(f"“{text}” says nothing of loads: {error}") from error
