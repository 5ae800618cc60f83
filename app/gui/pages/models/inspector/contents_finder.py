"""Read the contents of a model in a child process."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QObject, Signal

from app.core import events
from app.core.errors import ErrorCode
from app.core.inspection_events import ModelInspected, TemplateTried
from app.core.sentences import describe_error, describe_notice
from app.gguf_file.model_contents import ModelContents
from app.gui.children.child import Child
from app.jobs.outcome import ProcessOutcome


class ContentsFinder(QObject):
    """Reads one model at a time.

    Signals:
        found: the `ModelContents`.
        tried: a `TemplateTried`, after `found`, if the model has a template.
        failed: a sentence that says why there is nothing to show.
        noticed: a sentence about a notice.
    """

    found = Signal(object)
    tried = Signal(object)
    failed = Signal(str)
    noticed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._child: Child | None = None
        self._sentence = ""

    @property
    def is_busy(self) -> bool:
        """True until the child ends."""
        return self._child is not None

    def find(self, path: str) -> None:
        """Read the model in a file."""
        self.stop()
        self._sentence = ""
        self._child = Child("models", "inspect", "--", path, parent=self)
        self._child.received.connect(self._on_received)
        self._child.ended.connect(self._on_ended)
        self._child.start()

    def stop(self) -> None:
        """Stop reading."""
        child, self._child = self._child, None
        if child is not None:
            child.received.disconnect(self._on_received)
            child.ended.disconnect(self._on_ended)
            child.ended.connect(child.deleteLater)
            child.cancel()

    def _on_received(self, event: events.Event) -> None:
        match event:
            case ModelInspected(document):
                self.found.emit(msgspec.json.decode(document, type=ModelContents))
            case TemplateTried():
                self.tried.emit(event)
            case events.NoticeReported(code, details):
                self.noticed.emit(describe_notice(code, details))
            case events.Failed(code, details):
                self._sentence = describe_error(code, details)

    def _on_ended(self, outcome: ProcessOutcome) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.deleteLater()
        if not outcome.was_successful:
            detail = outcome.describe(child.log)
            self.failed.emit(
                self._sentence or describe_error(ErrorCode.INTERNAL, {"detail": detail})
            )
