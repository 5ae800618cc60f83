"""`gristmill models verify`: hash a model's files and compare them with known checksums."""

from __future__ import annotations

import argparse
import json

import msgspec

from app.core.events import ModelVerified, Printed
from app.core.language import tr
from app.core.settings import load_settings
from app.jobs.reporter import Reporter
from app.library.index import find_model
from app.library.model_places import library_places
from app.library.verification import verify

NAME = "verify"
HELP = tr("Compare the SHA-256 of a model's files with the one that its source lists.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", help=tr("a .gguf file, or a name from “gristmill models”"))
    parser.add_argument("--json", action="store_true", help=tr("print one JSON object"))


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Report the verification; where nothing is known, the checksum is recorded."""
    settings, _ = load_settings()
    path = find_model(arguments.model, library_places(settings))
    verified = ModelVerified(str(path), verify(path, reporter))
    if arguments.json:
        reporter.report(Printed(json.dumps(msgspec.to_builtins(verified), indent=2) + "\n"))
    else:
        reporter.report(verified)
