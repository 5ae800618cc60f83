"""The verb `setup`: fetches what the program needs beside itself, and does nothing twice."""

from __future__ import annotations

import argparse

from app.conversion.converter.installation import install_converter
from app.core.events import Finished
from app.jobs.reporter import Reporter
from app.library.starter import install_starter

NAME = "setup"
HELP = "Fetch llama.cpp's converter and the starter model, where they are missing."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It takes none."""


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:  # noqa: ARG001 - every verb takes them
    """Fetch both and report where they lie.

    Raises:
        AppError: `component_unreachable`, `component_damaged`, `disk_full`,
            `folder_not_writable`.
    """
    converter = install_converter(reporter)
    starter = install_starter(reporter)
    reporter.report(Finished((str(converter), str(starter))))
