"""Work that the user started and that the jobs tray shows: one child, one state."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, Signal

from app.core import events
from app.core.allocation_events import FileCompared, MeasuringPlanned, TypesChosen
from app.core.errors import ErrorCode, ErrorDetails, NoticeCode
from app.core.pace import Pace
from app.core.publish_events import PublishAdvanced
from app.core.sentences import describe_error, describe_notice
from app.gui.children.child import Child
from app.gui.children.forecast import Forecast
from app.jobs.outcome import ProcessOutcome
from app.jobs.schedule import TaskKind

_PASSING = frozenset({NoticeCode.DOWNLOAD_RETRIED})
"""Notices that are shown as the state of the work, and not kept."""

_EXISTING = frozenset({ErrorCode.FILE_EXISTS, ErrorCode.RESULT_EXISTS})
_ALMOST_ALL = 0.99
"""The largest share that is shown while the work has not ended."""

TaskState = Literal["waiting", "running", "finished", "failed", "canceled"]


class Task(QObject):
    """Runs one verb; one with `after` needs the result of that task, one with `folder` fills it.

    `steps` are the kinds of progress that it goes through, in their order; none if it has only one.
    `changed` follows every event, `ended` is emitted once, in one of the last three states.
    `noticed` carries a sentence that is new in `notices`. `forecast` says how long measuring takes,
    `chosen` has the types that follow from it.
    """

    changed = Signal()
    noticed = Signal(str)
    ended = Signal()

    def __init__(
        self,
        kind: TaskKind,
        title: str,
        arguments: tuple[str, ...],
        *,
        after: Task | None = None,
        folder: str = "",
        steps: tuple[str, ...] = (),
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.kind: TaskKind = kind
        self.after = after
        self.folder = folder
        self.title = title
        self.arguments = arguments
        self.state: TaskState = "waiting"
        self.steps = steps
        self.step = -1
        self.progress: events.Progressed | None = None
        self._of_step: events.Progressed | None = None
        self.pace = Pace()
        self.sentence = ""
        self.failure: ErrorCode | None = None
        self._details: ErrorDetails = {}
        self.notices: list[str] = []
        self.paths: tuple[str, ...] = ()
        self.published: PublishAdvanced | None = None
        self.chosen: TypesChosen | None = None
        self.compared: FileCompared | None = None
        self.forecast: Forecast | None = None
        self._is_canceled = False
        self._child = Child(*arguments, parent=self)
        self._child.received.connect(self._on_received)
        self._child.ended.connect(self._on_ended)

    def start(self) -> None:
        """Start the child."""
        self.state = "running"
        self._child.start()
        self.changed.emit()

    def cancel(self) -> None:
        """Stop the work; unfinished files are removed, except for what a download has fetched."""
        if self.state == "waiting":
            self._end("canceled")
        elif self.state == "running":
            self._is_canceled = True
            self._child.cancel()
            self.changed.emit()

    @property
    def is_stopping(self) -> bool:
        """True if the work was canceled and the child is about to end."""
        return self._is_canceled and not self.is_over

    @property
    def is_over(self) -> bool:
        """True if the work has finished, failed or been canceled."""
        return self.state in ("finished", "failed", "canceled")

    @property
    def share(self) -> float | None:
        """The finished share of the work, from 0 to 1; None while it is unknown.

        It is 1 only when the work has finished: what comes after the last byte also takes time.
        """
        if self.state == "finished":
            return 1.0
        progress, count = self.progress, max(1, len(self.steps))
        if progress is None or (self.steps and self.step < 0):
            return None
        index = max(0, self.step)
        if self.steps and progress.step != self.steps[index]:
            if index + 1 < count:
                # Between two steps it prepares the next one.
                return (index + 1) / count
            # The last step goes on beside what is reported now.
            progress = self._of_step or progress
        if progress.step == "plan" or not progress.total_bytes:
            return index / count if index else None
        return min(_ALMOST_ALL, (index + progress.done_bytes / progress.total_bytes) / count)

    @property
    def existing_file(self) -> str:
        """The path of the file that was there already, if the task failed because of that."""
        if self.state != "failed" or self.failure not in _EXISTING:
            return ""
        path = str(self._details["file"])
        return path if Path(path).is_file() else ""

    def log_text(self) -> str:
        """Return the last lines that the child logged."""
        return self._child.log_text()

    def _on_received(self, event: events.Event) -> None:
        match event:
            case events.Progressed():
                self._take_progress(event)
            case events.NoticeReported():
                self._take_notice(event)
            case events.Failed(code, details):
                self.sentence, self.failure = describe_error(code, details), code
                self._details = details
            case PublishAdvanced():
                self.published = event
            case MeasuringPlanned() | TypesChosen() | FileCompared():
                self._take_measured(event)
            case events.Finished(paths, _):
                self.paths, self.sentence = paths, ""
        self.changed.emit()

    def _take_measured(self, event: MeasuringPlanned | TypesChosen | FileCompared) -> None:
        match event:
            case MeasuringPlanned():
                self.forecast = Forecast(event.seconds, time.monotonic())
            case TypesChosen():
                self.chosen = event
            case FileCompared():
                self.compared = event

    def _take_notice(self, notice: events.NoticeReported) -> None:
        self.sentence = describe_notice(notice.code, notice.details)
        if notice.code not in _PASSING and self.sentence not in self.notices:
            self.notices.append(self.sentence)
            self.noticed.emit(self.sentence)

    def _take_progress(self, progress: events.Progressed) -> None:
        if self.progress is None or self.progress.step != progress.step:
            self.pace = Pace()
        self.progress = progress
        self._enter_step(progress.step)
        self.sentence = ""
        self.pace.observe(progress.done_bytes, time.monotonic())

    def _enter_step(self, kind: str) -> None:
        """Go on to the step that a progress belongs to, unless that is over."""
        first = max(0, self.step)
        found = (index for index in range(first, len(self.steps)) if self.steps[index] == kind)
        if (index := next(found, None)) is not None:
            self.step, self._of_step = index, self.progress

    def _on_ended(self, outcome: ProcessOutcome) -> None:
        if self.is_over:
            # It was canceled before its child started.
            return
        if outcome.was_successful:
            self._end("finished")
        elif outcome.was_canceled or self._is_canceled:
            self._end("canceled")
        else:
            details = self._details
            if self.failure is None:
                details = {"detail": outcome.describe(self._child.log)}
            # The last lines of the log may have come after the error.
            code, has_log = self.failure or ErrorCode.INTERNAL, bool(self._child.log)
            self.sentence = describe_error(code, details, has_log=has_log)
            self._end("failed")

    def _end(self, state: TaskState) -> None:
        self.state = state
        self.changed.emit()
        self.ended.emit()
