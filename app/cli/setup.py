"""`gristmill setup`: fetch the converter and the starter model if they are missing."""

from __future__ import annotations

import argparse

from app.conversion.converter.installation import install_converter
from app.core.events import Finished
from app.core.language import tr
from app.jobs.reporter import Reporter
from app.library.starter import install_starter

NAME = "setup"
HELP = tr("Fetch llama.cpp's converter and the starter model if they are missing.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare no arguments."""


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:  # noqa: ARG001 - part of the interface of a verb
    """Fetch both and report their paths.

    Raises:
        AppError: `component_unreachable`, `component_damaged`, `disk_full`,
            `folder_not_writable`.
    """
    converter = install_converter(reporter)
    starter = install_starter(reporter)
    reporter.report(Finished((str(converter), str(starter))))
