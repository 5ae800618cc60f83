"""`gristmill download`: fetch a checkpoint or a GGUF model from the Hugging Face Hub."""

from __future__ import annotations

import argparse
from dataclasses import replace

from app.cli.values import add_pickle_argument, path
from app.core.events import Finished
from app.core.language import tr
from app.jobs.reporter import Reporter

NAME = "download"
HELP = tr("Download a repository from the Hugging Face Hub; resumes an interrupted download.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "repository", metavar="REPO", help=tr("owner/name, or the address of its page")
    )
    parser.add_argument(
        "--revision", metavar="R", help=tr("a branch, tag or commit; default: main")
    )
    parser.add_argument(
        "--to",
        metavar="FOLDER",
        type=path,
        help=tr("the folder to download to; default: a folder per repository in the data folder"),
    )
    parser.add_argument(
        "--include",
        metavar="PATTERN",
        help=tr(
            "download only these GGUF files: a level such as Q4_K_M, a file name, or a pattern "
            "such as *Q8_0*"
        ),
    )
    add_pickle_argument(parser)


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Download, and report the folder of the checkpoint or the GGUF file."""
    from app.hub.download import download_repository
    from app.hub.reference import parse_reference

    reference = parse_reference(arguments.repository)
    if arguments.revision:
        reference = replace(reference, revision=arguments.revision)
    place = download_repository(
        reference,
        arguments.to,
        reporter.report,
        arguments.include,
        allows_pickle=arguments.allow_pickle,
    )
    reporter.report(Finished(paths=(str(place),)))
