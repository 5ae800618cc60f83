"""Ask what would be uploaded, in a child process that uploads nothing."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from app.core import events
from app.core.errors import ErrorCode
from app.core.publish_events import PublishPlanned
from app.core.sentences import describe_error, describe_notice
from app.gui.children.child import Child
from app.jobs.outcome import ProcessOutcome


class PublicationPlanner(QObject):
    """Makes one plan at a time; a newer request makes the older one obsolete.

    Signals:
        planned: the `PublishPlanned`, and sentences about its notices.
        progressed: a `Progressed`, while files are compared with those in the repository.
        failed: the `ErrorCode`, and a sentence that says why there is no plan.
    """

    planned = Signal(object, object)
    progressed = Signal(object)
    failed = Signal(object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._child: Child | None = None
        self._plan: PublishPlanned | None = None
        self._failure: tuple[ErrorCode, str] | None = None
        self._notices: list[str] = []

    @property
    def is_busy(self) -> bool:
        """True until the plan is there, or has failed."""
        return self._child is not None

    def plan(self, arguments: Sequence[str]) -> None:
        """Plan a publication with these arguments of `publish`."""
        self.stop()
        self._plan, self._failure, self._notices = None, None, []
        self._child = Child("publish", "--dry-run", *arguments, parent=self)
        self._child.received.connect(self._on_received)
        self._child.ended.connect(self._on_ended)
        self._child.start()

    def stop(self) -> None:
        """Stop planning."""
        child, self._child = self._child, None
        if child is not None:
            child.received.disconnect(self._on_received)
            child.ended.disconnect(self._on_ended)
            child.ended.connect(child.deleteLater)
            child.cancel()

    def _on_received(self, event: events.Event) -> None:
        match event:
            case PublishPlanned():
                self._plan = event
            case events.Progressed():
                self.progressed.emit(event)
            case events.NoticeReported(code, details):
                self._notices.append(describe_notice(code, details))
            case events.Failed(code, details):
                self._failure = code, describe_error(code, details)

    def _on_ended(self, outcome: ProcessOutcome) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.deleteLater()
        if outcome.was_successful and self._plan is not None:
            self.planned.emit(self._plan, tuple(self._notices))
            return
        detail = outcome.describe(child.log)
        unknown = ErrorCode.INTERNAL, describe_error(ErrorCode.INTERNAL, {"detail": detail})
        self.failed.emit(*(self._failure or unknown))
