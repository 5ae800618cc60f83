"""A scan of the whole library: its models, its folders, and the folders to watch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import msgspec

from app.core import paths
from app.core.errors import ErrorDetails, NoticeCode
from app.core.events import FolderListed, ModelListed, NoticeReported
from app.gguf_file.shards import shards_of
from app.library.conversion_records import ConversionRecords
from app.library.download_record import DownloadRecords
from app.library.facts_cache import FactsCache
from app.library.index import Index
from app.library.marks import MarksStore
from app.library.model_files import Limits, ScanLimited, Walk
from app.library.model_places import ModelPlace, owner_of
from app.library.other_programs.program_folders import program_folders
from app.library.places import with_places
from app.library.verification import VerificationStore

_MOST_WATCHED = 200


@dataclass
class LibraryContents:
    """Results of a scan; the models are sorted by title, `watched` are folders."""

    models: list[ModelListed] = field(default_factory=list)
    folders: list[FolderListed] = field(default_factory=list)
    notices: list[NoticeReported] = field(default_factory=list)
    watched: tuple[str, ...] = ()


def scan_library(
    sources: Sequence[ModelPlace], cache: FactsCache, limits: Limits | None = None
) -> LibraryContents:
    """Look through all sources; the cache knows the files that have not changed since."""
    found = LibraryContents()
    walk = Walk(limits)
    index = Index(walk, cache)
    for source in sources:
        sizes: list[int] = []
        is_connected = _is_connected(source)
        try:
            sizes.extend(_sizes(source, index, found) if is_connected else ())
        except ScanLimited as limited:
            details: ErrorDetails = {"folder": str(source.path), "limit": limited.limit}
            found.notices.append(NoticeReported(NoticeCode.SCAN_LIMITED, details))
        if not is_connected:
            sizes = [model.size_bytes for model in cache.models_below(source.path)]
        found.folders.append(_listed(source, sizes, is_connected=is_connected))
    found.models = _ordered(found.models)
    found.watched = tuple(islice(_folders_to_watch(sources, walk), _MOST_WATCHED))
    return found


def _is_connected(source: ModelPlace) -> bool:
    # The default folder is made when the first model comes.
    return source.path.exists() or source.path == paths.default_models_folder()


def _sizes(source: ModelPlace, index: Index, found: LibraryContents) -> Iterator[int]:
    """Yield the sizes of a source's models, and list those of one that is shown."""
    if not source.is_shown:
        yield from (_size_of(one.path) for one in Walk().candidates(source.path))
        return
    for model in index.models_at(source.path):
        found.models.append(model)
        yield model.size_bytes


def _listed(source: ModelPlace, sizes: Sequence[int], *, is_connected: bool) -> FolderListed:
    return FolderListed(
        path=str(source.path),
        models=len(sizes),
        size_bytes=sum(sizes),
        is_connected=is_connected,
        program=source.program,
        is_shown=source.is_shown,
    )


def _ordered(models: Sequence[ModelListed]) -> list[ModelListed]:
    """Return the models by title, with the facts that are not in their headers."""
    programs, marks = program_folders(), MarksStore()
    downloads, conversions = DownloadRecords(), ConversionRecords()
    verifications = VerificationStore()
    completed = []
    for model in models:
        path = Path(model.path)
        repository = downloads.repository_of(path) or conversions.repository_of(path)
        origin = repository or model.header.origin
        completed.append(
            msgspec.structs.replace(
                model,
                header=msgspec.structs.replace(model.header, origin=origin),
                program=owner_of(model.path, programs),
                marks=marks.of(model.path, model.size_bytes),
                verification=verifications.of(path),
            )
        )
    return with_places(sorted(completed, key=lambda one: (one.title.casefold(), one.path)))


def _folders_to_watch(sources: Sequence[ModelPlace], walk: Walk) -> Iterator[str]:
    """Yield the folders in which models may come and go, the most important ones first."""
    for source in sources:
        if source.is_shown and source.path != paths.default_models_folder():
            # A drive comes back in a folder above, and a renamed folder leaves the one above.
            path = source.path.absolute()
            nearest = next(folder for folder in path.parents if folder.is_dir())
            if nearest not in (Path.home(), Path(nearest.anchor)):
                yield str(nearest)
    yield from map(str, walk.folders)


def _size_of(path: Path) -> int:
    return sum(shard.stat().st_size for shard in shards_of(path) if shard.is_file())
