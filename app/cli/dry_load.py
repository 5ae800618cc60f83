"""`gristmill dry-load`: what llama.cpp logs of loads without memory; crashes when it crashes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from app.cli.values import path
from app.core.events import Finished, LoadLogged
from app.jobs.reporter import Reporter

if TYPE_CHECKING:
    from app.profiling.dry_load import DryLoadOptions

NAME = "dry-load"
HELP = "Load models without allocating memory, and say what was logged; estimate starts it."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("options", type=_dry_load_options, help="a JSON file: how to load them")
    parser.add_argument("models", type=path, nargs="+", help="GGUF files")


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Say what each load told, as soon as it is done."""
    from app.native.rpc import add_workers
    from app.profiling.dry_load import DryLoad, load_without_allocation

    options: DryLoadOptions = arguments.options
    workers = options.setup.workers
    devices = add_workers(workers) if workers else None
    for model, loads in zip(arguments.models, options.loads, strict=True):
        for read in load_without_allocation(DryLoad(model, loads), options.setup, devices):
            reporter.report(LoadLogged(msgspec.Raw(msgspec.json.encode(read))))
    reporter.report(Finished())


def _dry_load_options(text: str) -> DryLoadOptions:
    from app.profiling.dry_load import DryLoadOptions

    try:
        return msgspec.json.decode(Path(text).read_bytes(), type=DryLoadOptions)
    except (OSError, msgspec.DecodeError) as error:
        raise argparse.ArgumentTypeError(f"“{text}” says nothing of loads: {error}") from error
