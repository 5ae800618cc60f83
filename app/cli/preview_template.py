"""`gristmill preview-template`: render the templates that the window sends, and report faults."""

from __future__ import annotations

import argparse

from app.cli.values import path
from app.core.language import tr
from app.gguf_file.model import read_model
from app.gguf_file.model_contents import contents_of
from app.jobs import lifeline
from app.jobs.reporter import Reporter

NAME = "preview-template"
HELP = tr("Render chat templates from standard input; used by the window.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "model", type=path, help=tr("the model whose begin and end tokens are used")
    )


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Answer every input until the window closes."""
    from app.inference.prompts.template_preview import try_template

    contents = contents_of(read_model(arguments.model))
    while True:
        template = lifeline.receive_input()
        reporter.report(try_template(template, contents.begin, contents.end))
