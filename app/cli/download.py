"""`gristmill download`: fetch a checkpoint or a GGUF model from the Hugging Face Hub."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from app.cli.values import add_files_json_argument, add_pickle_argument, output_path
from app.core.errors import AppError, ErrorCode
from app.core.events import Finished, Printed, RemoteModelListed
from app.core.language import tr
from app.core.load_options import load_options_of
from app.core.settings import load_settings
from app.jobs.reporter import Reporter

if TYPE_CHECKING:
    from app.hub.reference import RepositoryReference

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
        type=output_path,
        help=tr("the folder to download to; default: a folder per repository in the data folder"),
    )
    parser.add_argument(
        "--include",
        "--level",
        metavar="PATTERN",
        help=tr(
            "download only these GGUF files: a level such as Q4_K_M, a file name, or a pattern "
            "such as *Q8_0*"
        ),
    )
    parser.add_argument(
        "--list",
        action="store_true",
        help=tr("list its GGUF models with their size and fit on this machine; download nothing"),
    )
    add_pickle_argument(parser)
    add_files_json_argument(parser)


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Download, and report the folder of the checkpoint or the GGUF file."""
    from app.hub.reference import parse_reference

    reference = parse_reference(arguments.repository)
    if arguments.revision:
        reference = replace(reference, revision=arguments.revision)
    if arguments.list:
        _list_models(reference, reporter, as_json=arguments.files_as_json)
    else:
        _download(reference, arguments, reporter)


def _download(
    reference: RepositoryReference, arguments: argparse.Namespace, reporter: Reporter
) -> None:
    from app.hub.download import download_repository

    place = download_repository(
        reference,
        arguments.to,
        reporter.report,
        arguments.include,
        allows_pickle=arguments.allow_pickle,
    )
    reporter.report(Finished(paths=(str(place),)))


def recommended_model(reference: RepositoryReference, reporter: Reporter) -> str:
    """Return the path of the GGUF file in a repository that suits this machine best.

    Raises:
        AppError: what `fetch_models` raises, `repository_without_weights`.
    """
    listed = tuple(_listed_models(reference, reporter))
    recommended = (model.path for model in listed if model.is_recommended)
    usable = (model.path for model in listed if not model.is_projector)
    path = next(recommended, None) or next(usable, None)
    if path is None:
        raise AppError(ErrorCode.REPOSITORY_WITHOUT_WEIGHTS, repository=reference.repository)
    return path


def _list_models(reference: RepositoryReference, reporter: Reporter, *, as_json: bool) -> None:
    listed = _listed_models(reference, reporter)
    if as_json:
        models = [msgspec.to_builtins(model) for model in listed]
        for model in models:
            del model["type"]
        reporter.report(Printed(json.dumps({"models": models}, indent=2) + "\n"))
        return
    for model in listed:
        reporter.report(model)


def _listed_models(
    reference: RepositoryReference, reporter: Reporter
) -> Iterator[RemoteModelListed]:
    from app.estimation.quick_fit import SizedModel, best_of, needed_bytes, quick_verdict
    from app.hub.remote_gguf import fetch_models
    from app.hub.selection import level_of, size_of
    from app.profiling.this_machine import read_hardware

    settings, _ = load_settings()
    options, machine = load_options_of(settings), read_hardware()
    found = fetch_models(reference, reporter.report)
    sized = {
        model: SizedModel(level_of(model), needed_bytes(size_of(model), found.metadata, options))
        for model in found.models
    }
    best = best_of(sized.values(), machine)
    for model, one in sorted(sized.items(), key=lambda pair: pair[1].needed_bytes):
        yield RemoteModelListed(
            path=model[0].path,
            level=one.level,
            size_bytes=size_of(model),
            files=len(model),
            needed_bytes=one.needed_bytes,
            fit=quick_verdict(one.needed_bytes, machine),
            is_recommended=one is best,
        )
    for projector in found.projectors:
        yield RemoteModelListed(
            projector[0].path,
            level_of(projector),
            size_of(projector),
            len(projector),
            is_projector=True,
        )
