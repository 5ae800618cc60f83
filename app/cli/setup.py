"""`gristmill setup`: fetch the converter and the starter model if they are missing."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from app.conversion.converter.installation import install_converter
from app.core.events import Finished
from app.core.language import tr
from app.jobs.reporter import Reporter
from app.library.starter import install_starter

NAME = "setup"
HELP = tr("Fetch llama.cpp's converter and the starter model if they are missing.")
_PARTS: dict[str, Callable[[Reporter], Path]] = {
    "converter": install_converter,
    "starter": install_starter,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the argument."""
    parser.add_argument(
        "--only", choices=tuple(_PARTS), help=tr("fetch only this one; default: both")
    )


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Fetch what is missing and report the paths.

    Raises:
        AppError: `component_unreachable`, `component_damaged`, `disk_full`,
            `folder_not_writable`.
    """
    names = [arguments.only] if arguments.only else _PARTS
    reporter.report(Finished(tuple(str(_PARTS[name](reporter)) for name in names)))
