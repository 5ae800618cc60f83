"""`gristmill models`: list the GGUF files of the library."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.core.language import tr
from app.core.settings import load_settings
from app.jobs.reporter import Reporter
from app.library.index import scan
from app.library.places import with_places

NAME = "models"
HELP = tr("List the models on this machine.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "places",
        nargs="*",
        type=Path,
        metavar="FOLDER",
        help=tr("a folder or file to search; default: the folders in the settings"),
    )


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Report every model, sorted by name."""
    settings, _ = load_settings()
    places = arguments.places or settings.search_paths()
    models = sorted(scan(places), key=lambda model: (model.name.casefold(), model.path))
    for model in with_places(models):
        reporter.report(model)
