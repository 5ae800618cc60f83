"""Check a source, plan its levels and start its conversion, one source at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app.core import events
from app.core.language import tr
from app.core.sentences import describe_error, describe_notice
from app.gui.children.child import Child
from app.gui.children.task import Task
from app.gui.pages.convert.conversion_options import (
    VERB,
    ConversionOptions,
    expanded_path,
    path_exists,
)
from app.gui.services.workbench import Workbench
from app.jobs.outcome import ProcessOutcome

_PAUSE_MILLISECONDS = 500
"""Time that the options must stay unchanged before the levels are planned again."""

_LAST_SUBJECTS = frozenset({"memory", "disk"})
"""The checks that follow the planning of the levels."""


class ConversionSession(QObject):
    """Owns the options, the child that checks them, and the download of a repository.

    Signals:
        forgotten: the source is another one, and the options chosen for the last are reset.
        started: a look at the source begins; nothing is known of it yet.
        downloading: the source is a repository that is being downloaded; its name.
        located: the source is on this machine; its path.
        checking: the first check of a located source has begun.
        outdated: the options changed; what is shown is replaced by the next check.
        busy: what is being done, as a text for the user.
        checked: an `events.Checked`.
        planned: an `events.LevelPlanned`.
        ended: the check is over; whether it was successful.
        noticed: the code of a notice, or None, and its sentence.
        failed: the code of an error, or None, and its sentence.
        canceled: the user stopped the download.
    """

    forgotten = Signal()
    started = Signal()
    downloading = Signal(str)
    located = Signal(str)
    checking = Signal()
    outdated = Signal()
    busy = Signal(str)
    checked = Signal(object)
    planned = Signal(object)
    ended = Signal(bool)
    noticed = Signal(object, str)
    failed = Signal(object, str)
    canceled = Signal()

    def __init__(self, workbench: Workbench, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.options = ConversionOptions()
        self.source = ""
        self._tasks = workbench.tasks
        self._models = workbench.models
        self._checker: Child | None = None
        self._download: Task | None = None
        self._pause = QTimer(self, singleShot=True, interval=_PAUSE_MILLISECONDS)
        self._pause.timeout.connect(self._check_again)
        self._tasks.ended.connect(self._on_task_ended)

    @property
    def is_waiting(self) -> bool:
        """True if changed options wait for their check."""
        return self._pause.isActive()

    @property
    def is_busy(self) -> bool:
        """True if a download or a check is running or about to start."""
        return bool(self._checker or self._download) or self.is_waiting

    def open(self, source: str) -> None:
        """Check a folder, file or repository, and download it first if necessary."""
        if source != self.source:
            self.options = self.options.for_source("")
            self.forgotten.emit()
        self.source = source
        self._obtain()

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
        """Set the path of the source."""
        self.options = replace(self.options, source=expanded_path(path))
        self.located.emit(self.options.source)

    def stop(self) -> None:
        """Stop checking, and don't wait for the download; it goes on."""
        self._pause.stop()
        checker, self._checker, self._download = self._checker, None, None
        if checker is not None:
            checker.received.disconnect(self._on_received)
            checker.ended.disconnect(self._on_checked)
            checker.ended.connect(checker.deleteLater)
            checker.cancel()

    def convert(self, levels: Sequence[str]) -> list[Task]:
        """Start to write these levels and, if it is wanted, the projector; return the tasks."""
        tasks = [self._add_task(", ".join(levels), self.options.run_arguments(levels))]
        if self.options.wants_projector:
            tasks.append(self._add_task("mmproj", self.options.projector_arguments()))
        return tasks

    def _add_task(self, made: str, arguments: tuple[str, ...]) -> Task:
        title = f"{Path(arguments[0]).name} → {made}"
        task = self._tasks.add("convert", title, VERB, *arguments)
        task.ended.connect(self._models.refresh)
        return task

    def _obtain(self) -> None:
        self.stop()
        self.options = replace(self.options, source="")
        self.started.emit()
        if path_exists(self.source):
            self._check_at(self.source)
        else:
            self._start_download()

    def _start_download(self) -> None:
        self.busy.emit(tr("Downloading; the jobs at the lower left show how far"))
        consent = ["--allow-pickle"] if self.options.allows_pickle else []
        task = self._tasks.add("download", self.source, "download", self.source, *consent)
        task.noticed.connect(lambda sentence: self._on_download_noticed(task, sentence))
        self._download = task
        self.downloading.emit(self.source)

    def _check_at(self, path: str) -> None:
        self.locate(path)
        self._start_checker()
        self.checking.emit()

    def _check_again(self) -> None:
        self.busy.emit(tr("Looking at the files…"))
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
                    self.busy.emit(tr("Reading the layout of the model…"))
            case events.Progressed():
                self.busy.emit(tr("Working out the exact size of each level…"))
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
            self.failed.emit(None, tr("The check stopped: {reason}.", reason=reason))

    def _on_download_noticed(self, task: Task, sentence: str) -> None:
        if task is self._download:
            self.noticed.emit(None, sentence)

    def _on_task_ended(self, task: Task) -> None:
        if task is not self._download:
            return
        self._download = None
        if task.state == "finished":
            self._check_at(task.paths[0])
        elif task.state == "failed":
            self.ended.emit(False)
            self.failed.emit(task.failure, task.sentence)
        else:
            self.canceled.emit()
