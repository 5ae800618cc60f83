"""Check a source, plan its levels and start its conversion, one source at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app.checkpoint.folder_kind import is_adapter, is_outline
from app.core import events
from app.core.errors import AppError
from app.core.language import tr
from app.core.sentences import describe_error, describe_notice
from app.core.sizes import format_bytes
from app.gui.children.child import Child
from app.gui.children.task import Task
from app.gui.pages.convert.conversion_options import (
    VERB,
    ConversionOptions,
    command_lines,
    expanded_path,
    path_exists,
)
from app.gui.pages.convert.conversion_run import (
    ConversionRun,
    Step,
    conversion_steps,
    download_steps,
)
from app.gui.services.workbench import Workbench
from app.hub.reference import parse_reference
from app.jobs.outcome import ProcessOutcome
from app.library.unfinished_downloads import DownloadRequest

_PAUSE_MILLISECONDS = 500
"""Time that the options must stay unchanged before the levels are planned again."""

_LAST_SUBJECTS = frozenset({"memory", "disk"})
"""The checks that follow the planning of the levels."""


class ConversionSession(QObject):
    """Owns the options and the child that checks them.

    A repository is checked by its outline, and downloaded only to be converted.

    Signals:
        forgotten: the source is another one, and the options chosen for the last are reset.
        started: a look at the source begins; nothing is known of it yet.
        located: the path of the source, or of the outline of a repository.
        checking: a located source is being checked for the first time.
        outdated: the options changed; what is shown is replaced by the next check.
        busy: what is being done, as a text for the user.
        checked: an `events.Checked`.
        planned: an `events.LevelPlanned`.
        ended: the check is over; whether it was successful.
        noticed: the code of a notice and its sentence.
        failed: the code of an error, or None, and its sentence.
    """

    forgotten = Signal()
    started = Signal()
    located = Signal(str)
    checking = Signal()
    outdated = Signal()
    busy = Signal(str)
    checked = Signal(object)
    planned = Signal(object)
    ended = Signal(bool)
    noticed = Signal(object, str)
    failed = Signal(object, str)

    def __init__(self, workbench: Workbench, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.options = ConversionOptions()
        self.source = ""
        self._tasks = workbench.tasks
        self._models = workbench.models
        self._downloads = workbench.downloads
        self._checker: Child | None = None
        self._place = ""
        self._pause = QTimer(self, singleShot=True, interval=_PAUSE_MILLISECONDS)
        self._pause.timeout.connect(self._check_again)

    @property
    def is_waiting(self) -> bool:
        """True if changed options wait for their check."""
        return self._pause.isActive()

    @property
    def is_busy(self) -> bool:
        """True if a check is running or about to start."""
        return self._checker is not None or self.is_waiting

    @property
    def is_located(self) -> bool:
        """True if the source has been found."""
        return bool(self._place)

    @property
    def is_remote(self) -> bool:
        """True if the source is a repository that must be downloaded before it is converted."""
        return bool(self.options.source) and not path_exists(self.options.source)

    def open(self, source: str) -> None:
        """Check a folder, file or repository."""
        if source != self.source:
            self.options = self.options.for_source("")
            self.forgotten.emit()
        self.source = source
        self._obtain()

    def forget(self) -> None:
        """Take the next source for a new one, even if it is the same."""
        self.stop()
        self.source = ""

    def change(self, options: ConversionOptions) -> None:
        """Apply new options, and check them if they change the plan."""
        before, self.options = self.options, options
        if options.check_arguments() != before.check_arguments():
            self.recheck()

    def recheck(self) -> None:
        """Check the source again shortly, unless none has been found yet."""
        if self.options.source:
            self.stop()
            self.outdated.emit()
            self._pause.start()

    def allow_pickle(self) -> None:
        """Read weights in pickle files, too."""
        self.options = replace(self.options, allows_pickle=True)
        self._obtain()

    def allow_requantizing(self) -> None:
        """Quantize weights that are quantized already."""
        self.options = replace(self.options, requantizes=True)
        self._obtain()

    def set_base(self, folder: str) -> None:
        """Set the model that the adapter belongs to."""
        self.options = replace(self.options, base=folder)
        self._obtain()

    def locate(self, path: str) -> None:
        """Set the path of the source; the outline of a repository can't itself be converted."""
        self._place = path
        if not is_outline(Path(path)):
            self.options = replace(self.options, source=expanded_path(path))
        self.located.emit(path)

    def stop(self) -> None:
        """Stop checking."""
        self._pause.stop()
        checker, self._checker = self._checker, None
        if checker is not None:
            checker.received.disconnect(self._on_received)
            checker.ended.disconnect(self._on_checked)
            checker.ended.connect(checker.deleteLater)
            checker.cancel()

    def convert(
        self, levels: Sequence[str], favorite: str = "", *, keeps_existing: bool = False
    ) -> ConversionRun:
        """Queue the download, if there is one, these levels, and the projector if it is wanted.

        Args:
            levels: the levels to make; they don't matter if the options state a size.
            favorite: the one to chat with first.
            keeps_existing: files that exist stay; the new ones get other names.

        Raises:
            AppError: the download can't be queued: `disk_full`, `folder_not_writable`, `file_busy`.
        """
        options, before = replace(self.options, keeps_existing=keeps_existing), None
        place = Path(self._place)
        tasks: list[tuple[Task, tuple[Step, ...]]] = []
        if self.is_remote:
            before = self._downloads.start(_request_of(options))
            tasks.append((before, download_steps()))
        steps = conversion_steps(
            makes_matrix=options.makes_importance,
            chooses_types=options.target_bytes is not None,
            corrects=options.corrects,
            tunes=options.tunes,
        )
        if options.target_bytes is not None:
            levels = (format_bytes(options.target_bytes),)
        models = self._add_task(", ".join(levels), options.run_arguments(levels), before, steps)
        tasks.append((models, steps))
        if options.wants_projector:
            steps = conversion_steps()
            projector = self._add_task("mmproj", options.projector_arguments(), before, steps)
            tasks.append((projector, steps))
        return ConversionRun(
            name=place.name,
            tasks=tuple(tasks),
            models=None if is_adapter(place) else models,
            levels=tuple(levels),
            favorite=favorite,
            commands=command_lines(options, levels),
        )

    def download(self) -> Task | None:
        """Queue the download of a remote source; None if it fails, which is reported."""
        try:
            return self._downloads.start(_request_of(self.options))
        except AppError as error:
            self.failed.emit(error.code, describe_error(error.code, error.details))
            return None

    def _add_task(
        self, made: str, arguments: tuple[str, ...], before: Task | None, steps: tuple[Step, ...]
    ) -> Task:
        title = f"{Path(self._place).name} → {made}"
        kinds = _kinds(steps)
        task = self._tasks.add("convert", title, VERB, *arguments, after=before, steps=kinds)
        task.ended.connect(self._models.refresh)
        return task

    def _obtain(self) -> None:
        self.stop()
        self._place = ""
        is_here = path_exists(self.source)
        source = expanded_path(self.source) if is_here else self.source
        self.options = replace(self.options, source=source)
        self.started.emit()
        if is_here:
            self.locate(source)
            self.checking.emit()
        self._start_checker()

    def _check_again(self) -> None:
        self.busy.emit(tr("Checking the files…"))
        self._start_checker()

    def _start_checker(self) -> None:
        self._checker = Child(VERB, *self.options.check_arguments(), parent=self)
        self._checker.received.connect(self._on_received)
        self._checker.ended.connect(self._on_checked)
        self._checker.start()

    def _on_received(self, event: events.Event) -> None:
        match event:
            case events.Checked():
                self.checked.emit(event)
                if event.subject not in _LAST_SUBJECTS:
                    self.busy.emit(tr("Reading the model's layout…"))
            case events.SourceLocated(path) if not self._place:
                self.locate(path)
                self.checking.emit()
            case events.Progressed():
                self.busy.emit(_words_for(event))
            case events.LevelPlanned():
                self.planned.emit(event)
            case events.NoticeReported(code, details):
                self.noticed.emit(code, describe_notice(code, details))
            case events.Failed(code, details):
                self.failed.emit(code, describe_error(code, details))

    def _on_checked(self, outcome: ProcessOutcome) -> None:
        if self._checker is not None:
            self._checker.deleteLater()
        self._checker = None
        self.ended.emit(outcome.was_successful)
        if outcome.has_crashed:
            reason = outcome.describe()
            self.failed.emit(None, tr("The check failed: {reason}.", reason=reason))


def _request_of(options: ConversionOptions) -> DownloadRequest:
    reference = parse_reference(options.source)
    return DownloadRequest(
        reference.repository, reference.revision, allows_pickle=options.allows_pickle
    )


def _kinds(steps: tuple[Step, ...]) -> tuple[str, ...]:
    return tuple(step.progress for step in steps)


def _words_for(progress: events.Progressed) -> str:
    if progress.step == "download":
        share = progress.done_bytes / max(1, progress.total_bytes)
        return tr("Downloading… {share}", share=f"{share:.0%}")
    if progress.step == "outline":
        return tr("Reading the repository…")
    return tr("Computing exact sizes…")
