"""`gristmill models list`: the GGUF files, checkpoints and unfinished downloads of the library."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from app.core import events, paths
from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.core.model_facts import Measured
from app.core.settings import Settings, load_settings
from app.jobs.reporter import Reporter
from app.library.downloaded_checkpoints import downloaded_checkpoints
from app.library.facts_cache import FactsCache
from app.library.folder_lock import is_locked
from app.library.library_scan import scan_library
from app.library.model_places import ModelPlace, model_places
from app.library.stream_journal import UnfinishedStream, unfinished_streams
from app.library.unfinished_downloads import UnfinishedDownload, unfinished_below
from app.measurement.store import last_measurement

NAME = "list"
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
    parser.add_argument("--json", action="store_true", help=tr("print one JSON array"))


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Report every model, sorted by name, then checkpoints, unfinished downloads and folders.

    Raises:
        AppError: `file_unreadable`, if folders were named and none of them exists.
    """
    settings, _ = load_settings()
    places: list[Path] = arguments.places
    if places and not any(place.exists() for place in places):
        reason = tr("there is no such folder or file")
        raise AppError(ErrorCode.FILE_UNREADABLE, file=str(places[0]), reason=reason)
    cache = FactsCache(paths.library_cache_file())
    sources = [ModelPlace(place) for place in places]
    found = scan_library(sources, cache).models if sources else _library(settings, cache)
    _report(found, reporter, as_json=arguments.json)


def _library(settings: Settings, cache: FactsCache) -> Iterator[events.Event]:
    unfinished = unfinished_below((settings.models_path(), paths.checkpoints_folder()))
    fetched = {str(file) for download in unfinished for file in download.fetched_files()}
    found = scan_library(model_places(settings), cache)
    cache.save()
    yield from found.notices
    # A model with only some of its shards is an unfinished download, not a broken model.
    listed = (m for m in found.models if m.problem is None or m.path not in fetched)
    yield from map(_with_measurement, listed)
    for checkpoint in downloaded_checkpoints():
        folder, size = str(checkpoint.folder), checkpoint.size_bytes()
        yield events.CheckpointListed(folder, checkpoint.name, size)
    yield from map(_listed, unfinished)
    yield from map(_listed_stream, unfinished_streams())
    yield from found.folders
    yield events.FoldersWatched(found.watched)


def _with_measurement(model: events.ModelListed) -> events.ModelListed:
    stored, is_current = last_measurement(Path(model.path))
    if stored is None or model.problem is not None:
        return model
    compared = stored.comparison
    measured = Measured(
        perplexity=stored.perplexity,
        tokens_per_second=stored.generation_tokens_per_second,
        divergence=compared.mean if compared else None,
        median_divergence=compared.median if compared else None,
        p999_divergence=compared.p999 if compared else None,
        top_token_agreement=compared.top_token_agreement if compared else None,
        prompt_tokens_per_second=stored.prompt_tokens_per_second,
        peak_memory_bytes=stored.peak_memory_bytes,
        text=str(stored.text) if stored.text else "",
        compared_text=str(compared.text) if compared else "",
        reference=compared.reference if compared else "",
        date=stored.date,
        is_disturbed=stored.is_disturbed,
        is_current=is_current,
    )
    return msgspec.structs.replace(model, measured=measured)


def _report(found: Iterable[events.Event], reporter: Reporter, *, as_json: bool) -> None:
    if not as_json:
        for event in found:
            reporter.report(event)
        return
    shown = [one for one in found if not isinstance(one, events.FoldersWatched)]
    reporter.report(events.Printed(json.dumps(msgspec.to_builtins(shown), indent=2) + "\n"))


def _listed(download: UnfinishedDownload) -> events.DownloadListed:
    note, request = download.note, download.note.request
    return events.DownloadListed(
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


def _listed_stream(stream: UnfinishedStream) -> events.DownloadListed:
    record = stream.record
    return events.DownloadListed(
        path=str(stream.folder),
        repository=record.repository,
        revision=record.revision,
        pattern=None,
        allows_pickle=False,
        done_bytes=stream.done_bytes,
        total_bytes=record.total_bytes,
        is_running=is_locked(stream.folder),
        kind="get",
        levels=record.asked_levels,
    )
