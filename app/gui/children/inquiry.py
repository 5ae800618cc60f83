"""Ask a verb something, in a child process that changes nothing."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.core import events
from app.core.errors import ErrorCode
from app.core.sentences import describe_error, describe_notice
from app.gui.children.child import Child
from app.jobs.outcome import ProcessOutcome


class Inquiry(QObject):
    """Asks one verb at a time; a newer question makes the older one obsolete.

    Signals:
        received: an event of the answer.
        noticed: a sentence about a notice.
        answered: the answer is complete.
        failed: the `ErrorCode`, its sentence, and the log of the child.
    """

    received = Signal(object)
    noticed = Signal(str)
    answered = Signal()
    failed = Signal(object, str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._child: Child | None = None
        self._failure: tuple[ErrorCode, str] | None = None

    @property
    def is_busy(self) -> bool:
        """True until `answered` or `failed`."""
        return self._child is not None

    def ask(self, verb: str, *arguments: str) -> None:
        """Ask a verb."""
        self.stop()
        self._failure = None
        self._child = Child(verb, *arguments, parent=self)
        self._child.received.connect(self._on_received)
        self._child.ended.connect(self._on_ended)
        self._child.start()

    def stop(self) -> None:
        """Stop asking; no signal follows."""
        child, self._child = self._child, None
        if child is not None:
            child.abandon()

    def _on_received(self, event: events.Event) -> None:
        match event:
            case events.NoticeReported(code, details):
                self.noticed.emit(describe_notice(code, details))
            case events.Failed(code, details):
                self._failure = code, describe_error(code, details)
            case _:
                self.received.emit(event)

    def _on_ended(self, outcome: ProcessOutcome) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.deleteLater()
        if not outcome.was_successful and self._failure is None:
            detail = outcome.describe(child.log)
            sentence = describe_error(ErrorCode.INTERNAL, {"detail": detail})
            self._failure = ErrorCode.INTERNAL, sentence
        if self._failure is not None:
            self.failed.emit(*self._failure, child.log_text())
        else:
            self.answered.emit()
