"""Ask what would be uploaded, in a child process that uploads nothing."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from app.core.errors import ErrorCode
from app.core.events import Event, Progressed
from app.core.publish_events import PublishPlanned
from app.gui.children.inquiry import Inquiry


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
        self._plan: PublishPlanned | None = None
        self._notices: list[str] = []
        self._inquiry = Inquiry(self)
        self._inquiry.received.connect(self._on_received)
        self._inquiry.noticed.connect(self._on_noticed)
        self._inquiry.answered.connect(self._on_answered)
        self._inquiry.failed.connect(self._on_failed)

    @property
    def is_busy(self) -> bool:
        """True until the plan is there, or has failed."""
        return self._inquiry.is_busy

    def plan(self, arguments: Sequence[str]) -> None:
        """Plan a publication with these arguments of `publish`."""
        self._plan, self._notices = None, []
        self._inquiry.ask("publish", "--dry-run", *arguments)

    def stop(self) -> None:
        """Stop planning."""
        self._inquiry.stop()

    def _on_received(self, event: Event) -> None:
        match event:
            case PublishPlanned():
                self._plan = event
            case Progressed():
                self.progressed.emit(event)

    def _on_noticed(self, sentence: str) -> None:
        self._notices.append(sentence)

    def _on_answered(self) -> None:
        self.planned.emit(self._plan, tuple(self._notices))

    def _on_failed(self, code: ErrorCode, sentence: str) -> None:
        self.failed.emit(code, sentence)
