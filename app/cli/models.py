"""`gristmill models`: list the GGUF files, checkpoints and unfinished downloads of the library."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from app.core import paths
from app.core.events import CheckpointListed, DownloadListed, ModelListed
from app.core.language import tr
from app.core.settings import load_settings
from app.jobs.reporter import Reporter
from app.library.downloaded_checkpoints import downloaded_checkpoints
from app.library.folder_lock import is_locked
from app.library.index import scan
from app.library.places import with_places
from app.library.unfinished_downloads import UnfinishedDownload, unfinished_below

NAME = "models"
HELP = tr("List the models on this machine.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "places",
        nargs="*",
        type=Path,
        metavar="FOLDER",
        help=tr(
            "a folder or file to search; default: the folders in the settings, and downloaded "
            "checkpoints"
        ),
    )


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Report every model, sorted by name, then checkpoints and unfinished downloads."""
    settings, _ = load_settings()
    if arguments.places:
        _report_models(scan(arguments.places), reporter)
        return
    unfinished = unfinished_below((settings.models_path(), paths.checkpoints_folder()))
    fetched = {str(file) for download in unfinished for file in download.fetched_files()}
    models = scan(settings.search_paths())
    # A model of which only some shards have been fetched is a download, not a broken model.
    _report_models((m for m in models if m.problem is None or m.path not in fetched), reporter)
    for checkpoint in downloaded_checkpoints():
        folder, size = str(checkpoint.folder), checkpoint.size_bytes()
        reporter.report(CheckpointListed(folder, checkpoint.name, size))
    for download in unfinished:
        reporter.report(_listed(download))


def _report_models(models: Iterable[ModelListed], reporter: Reporter) -> None:
    ordered = sorted(models, key=lambda model: (model.name.casefold(), model.path))
    for model in with_places(ordered):
        reporter.report(model)


def _listed(download: UnfinishedDownload) -> DownloadListed:
    note, request = download.note, download.note.request
    return DownloadListed(
        path=str(download.folder),
        repository=request.repository,
        revision=request.revision,
        pattern=request.pattern,
        allows_pickle=request.allows_pickle,
        done_bytes=download.done_bytes(),
        total_bytes=download.total_bytes,
        is_running=is_locked(download.folder),
        problem=note.problem,
        details=note.details,
        kind=request.kind,
        levels=request.levels,
    )
