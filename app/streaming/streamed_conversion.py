"""Convert a repository while it downloads: from the Hub's weight files into the finished GGUF.

The layout is made from the repository's outline. Weights are quantized as they arrive, written to
their place, and released; the weight files are never stored. A journal records the safe progress,
so that a later run goes on where an earlier one was killed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import psutil

from app import __version__
from app.checkpoint.weight_files import list_weights
from app.conversion.conversion_request import ConversionRequest
from app.conversion.pipeline import (
    PlannedModel,
    plan_conversion,
    require_choices,
)
from app.conversion.writer import ModelFile
from app.core import paths
from app.core.errors import AppError, ErrorCode
from app.core.events import Checked, Event, Progressed
from app.core.language import tr
from app.core.settings import load_settings
from app.core.sizes import format_bytes
from app.hub.access_token import read_token
from app.hub.client import HubClient
from app.hub.failures import keeping_transfers
from app.hub.hub_address import hub_endpoint
from app.hub.outline import remove_outline
from app.hub.progress import Progress
from app.hub.repository import RepositoryFile, RepositoryInfo
from app.hub.snapshot import RetryPolicy, Snapshot
from app.hub.speed_limit import SpeedLimit
from app.library.folder_lock import exclusive_folder
from app.library.stream_journal import (
    Journal,
    JournalEntry,
    StreamRecord,
    remove_untouched_streams,
)
from app.library.unfinished_downloads import DownloadRequest
from app.native.importance_matrix import ImportanceMatrix
from app.streaming import unfinished_files
from app.streaming.arrivals import Arrivals
from app.streaming.prefetched_bytes import PREFETCHED_BYTES, PrefetchedBytes
from app.streaming.stream_converter import StreamConverter
from app.streaming.stream_plan import StreamPlan, plan_stream
from app.streaming.weight_fetcher import Fetching, FileDamagedError, WeightFetcher

Report = Callable[[Event], None]
_BACKLOG_BYTES = 400 * 2**20
"""Weights that wait for their turn: what arrives while a large tensor is quantized."""


class CheckpointNeededError(Exception):
    """A conversion needs the whole checkpoint; the message is the reason, for the user."""


@dataclass(frozen=True)
class StreamRequest:
    """A conversion of a repository's outline, at one commit, as the user has `asked` for it."""

    info: RepositoryInfo
    asked: DownloadRequest
    conversion: ConversionRequest
    outline: Path
    is_projector: bool = False

    @property
    def folder(self) -> Path:
        """The folder of the journal; the same request in a later run has the same one."""
        conversion = self.conversion
        names = (
            self.info.repository.casefold(),
            *sorted(level.name for level in conversion.levels),
            str(conversion.file or conversion.folder),
            str(self.is_projector),
        )
        key = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
        return paths.streams_folder() / key


def convert_while_downloading(
    request: StreamRequest, converter: Path, report: Report
) -> tuple[Path, ...]:
    """Convert a repository without storing its weights. Return the files written.

    Raises:
        CheckpointNeededError: it can't be converted so.
        AppError: what conversions and downloads raise. What is written stays for another run.
    """
    request.folder.mkdir(parents=True, exist_ok=True)
    try:
        with exclusive_folder(request.folder, request.info.repository):
            try:
                written = _converted(request, converter, report)
            except CheckpointNeededError:
                journal = Journal(request.folder)
                unfinished_files.remove_parts(journal.record.files if journal.record else ())
                journal.remove()
                raise
            Journal(request.folder).remove()
    finally:
        remove_untouched_streams()
    return written


def _converted(request: StreamRequest, converter: Path, report: Report) -> tuple[Path, ...]:
    damaged: set[str] = set()
    while True:
        try:
            with keeping_transfers():
                return _Stream(request, converter, report).run()
        except FileDamagedError as error:
            if error.file.path in damaged:
                # Unless the source is damaged, the outline is, whose headers have no checksum.
                remove_outline(request.outline)
                raise AppError(ErrorCode.DOWNLOAD_DAMAGED, file=error.file.path) from error
            # The first copy may have been damaged on its way; the second shows the source.
            damaged.add(error.file.path)
        except AppError as error:
            if error.code is not ErrorCode.WEIGHTS_ARE_HOLES:
                raise
            reason = tr("the converter reads weights beforehand")
            raise CheckpointNeededError(reason) from error


class _Stream:
    """One run: from the journal of an earlier one to its end, or to a damaged file."""

    def __init__(self, request: StreamRequest, converter: Path, report: Report) -> None:
        self._request = request
        self._converter = converter
        self._report = report
        self._journal = Journal(request.folder)
        self._arrivals = Arrivals(_BACKLOG_BYTES, PREFETCHED_BYTES)
        self._prefetched = PrefetchedBytes(request.folder)
        self._files = dict(_weight_files(request))
        self._total_bytes = sum(file.size_bytes for file in self._files.values())
        self._progress = Progress("download", self._total_bytes, report)

    def run(self) -> tuple[Path, ...]:
        """Fetch, convert and write; what a damaged file has led to is taken back."""
        if (made := self._made_earlier()) is not None:
            return made
        require_choices(self._request.conversion, self._report)
        with self._fetching() as fetching:
            planned = self._planned()
            plan = self._streamable(planned)
            is_resumed = self._resumes(planned)
            self._prefetched.close()
            self._arrivals.begin(plan, self._journal.finished)
            fetching.start()
            with ExitStack() as stack:
                models = [
                    stack.enter_context(unfinished_files.opened(part.plans, is_new=not is_resumed))
                    for part in planned
                ]
                self._convert(plan, models, fetching)
        targets = [path for part in planned for path in part.plans]
        unfinished_files.keep(targets)
        return tuple(targets)

    def _made_earlier(self) -> tuple[Path, ...] | None:
        """Return the files of an earlier run that ended while it gave them their names."""
        record = self._journal.record
        if record is None or record.commit != self._request.info.commit:
            return None
        if not self._journal.is_complete or not unfinished_files.are_whole(record.files):
            return None
        targets = [Path(file.path) for file in record.files]
        unfinished_files.keep(targets)
        return tuple(targets)

    @contextmanager
    def _fetching(self) -> Iterator[Fetching]:
        """Fetch at once if nothing is there yet: planning takes seconds."""
        info, policy = self._request.info, RetryPolicy()
        with HubClient(hub_endpoint(), read_token(), policy.stall_seconds) as client:
            limit = SpeedLimit(load_settings()[0].download_bytes_per_second())
            snapshot = Snapshot(client, info.repository, info.commit, self._report, policy, limit)
            fetcher = WeightFetcher(
                snapshot, self._files, self._arrivals, self._prefetched, self._count
            )
            fetching = Fetching(fetcher, self._journal)
            if self._journal.record is None:
                fetching.start()
            try:
                yield fetching
            finally:
                self._arrivals.close()

    def _planned(self) -> list[PlannedModel]:
        record = self._journal.record
        present_bytes = unfinished_files.present_bytes(record.files if record else ())
        conversion = replace(self._request.conversion, present_bytes=present_bytes)
        return plan_conversion(conversion, self._converter, self._report)

    def _streamable(self, planned: list[PlannedModel]) -> StreamPlan:
        plan = plan_stream([part.layout for part in planned])
        if plan is None:
            raise CheckpointNeededError(tr("some tensors are read in parts"))
        size_bytes = plan.held_bytes() + min(_BACKLOG_BYTES, self._total_bytes)
        size = format_bytes(size_bytes)
        if size_bytes > psutil.virtual_memory().available:
            raise CheckpointNeededError(tr("{size} of weights would wait in memory", size=size))
        self._report(Checked("memory", tr("up to {size} for weights that wait", size=size)))
        return plan

    def _resumes(self, planned: list[PlannedModel]) -> bool:
        """Return whether an earlier run is continued; if not, begin the journal."""
        record = StreamRecord(
            repository=self._request.info.repository,
            commit=self._request.info.commit,
            revision=self._request.asked.revision,
            levels=tuple(level.name for level in self._request.conversion.levels),
            asked_levels=self._request.asked.levels,
            is_projector=self._request.is_projector,
            files=tuple(
                unfinished_files.planned_file(path, plan)
                for part in planned
                for path, plan in part.plans.items()
            ),
            recipe_sha256=_recipe_digest(self._request.conversion.choices.importance),
            total_bytes=self._total_bytes,
        )
        earlier = self._journal.record
        if _is_same(earlier, record) and unfinished_files.are_growing(record.files):
            self._journal.go_on(record)
            return True
        unfinished_files.remove_parts(earlier.files if earlier else ())
        self._journal.begin(record)
        return False

    def _convert(self, plan: StreamPlan, models: list[list[ModelFile]], fetching: Fetching) -> None:
        converter = StreamConverter(plan, models, self._arrivals, fetching.fetcher, self._journal)
        files = [file for several in models for file in several]
        total_bytes = sum(file.plan.weights_bytes for file in files)
        done_bytes = 0

        def report(size_bytes: int, name: str) -> None:
            nonlocal done_bytes
            done_bytes += size_bytes
            if fetching.is_done:
                # Until then the download is what takes the time.
                self._report(Progressed("convert", done_bytes, total_bytes, name))

        try:
            converter.run(self._request.conversion.quantization, report)
            fetching.wait()
            self._arrivals.require_success()
            converter.note()
        except FileDamagedError as error:
            path = self._request.outline / error.file.path
            self._journal.forget(path.name, plan.tensors_of(path))
            self._prefetched.remove(error.file)
            raise
        for file in files:
            file.check()
        self._journal.add(JournalEntry(is_complete=True))

    def _count(self, name: str, size_bytes: int) -> None:
        self._progress.enter(name, size_bytes)


def _is_same(earlier: StreamRecord | None, record: StreamRecord) -> bool:
    """Return whether both make the same files; it doesn't matter how they were asked for."""
    if earlier is None:
        return False
    return msgspec.structs.replace(earlier, asked_levels=record.asked_levels) == record


def _recipe_digest(importance: ImportanceMatrix | None) -> str:
    """Return the SHA-256 of this version and of what the headers of the files don't tell."""
    digest = hashlib.sha256(__version__.encode())
    for name, activations in sorted(importance.entries.items()) if importance else ():
        digest.update(name.encode())
        digest.update(activations.means().tobytes())
    return digest.hexdigest()


def _weight_files(request: StreamRequest) -> Iterator[tuple[Path, RepositoryFile]]:
    """Yield the weight files of the checkpoint, by their path in the outline."""
    names = set(list_weights(request.outline).names)
    for file in request.info.files:
        if file.path in names:
            yield request.outline / file.path, file
