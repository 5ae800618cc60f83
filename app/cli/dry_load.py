"""`gristmill dry-load`: load models in this process without allocating memory, and report the logs.

llama.cpp aborts on some models, and this process with it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from app.cli.values import path
from app.core.events import Finished, LoadLogged
from app.core.language import tr
from app.jobs.reporter import Reporter

if TYPE_CHECKING:
    from app.profiling.dry_load import DryLoadOptions

NAME = "dry-load"
HELP = tr("Load models without allocating memory and report the logs; started by estimate.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "options", type=_dry_load_options, help=tr("a JSON file with the load options")
    )
    parser.add_argument("models", type=path, nargs="+", help=tr("GGUF files"))


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Report the log of each load as soon as it is done."""
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
        message = tr("“{value}” has no load options: {error}", value=text, error=error)
        raise argparse.ArgumentTypeError(message) from error
