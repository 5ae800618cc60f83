"""List the GGUF models of a repository in a child process."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.core import events
from app.core.errors import ErrorCode
from app.core.sentences import describe_error, describe_notice
from app.gui.children.child import Child
from app.gui.services.download_arguments import download_arguments
from app.jobs.outcome import ProcessOutcome
from app.library.unfinished_downloads import DownloadRequest


class GgufFinder(QObject):
    """Lists the models of one repository at a time.

    Signals:
        found: `models` and `notices` are complete.
        failed: the error code, its sentence, and the log.
    """

    found = Signal()
    failed = Signal(object, str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.models: list[events.RemoteModelListed] = []
        self.notices: list[str] = []
        self._child: Child | None = None
        self._problem: tuple[ErrorCode, str] | None = None

    @property
    def is_busy(self) -> bool:
        """True until `found` or `failed`."""
        return self._child is not None

    def find(self, request: DownloadRequest) -> None:
        """List the models that a request is about."""
        self.stop()
        self.models, self.notices, self._problem = [], [], None
        self._child = Child(*download_arguments(request), "--list", parent=self)
        self._child.received.connect(self._on_received)
        self._child.ended.connect(self._on_ended)
        self._child.start()

    def stop(self) -> None:
        """Stop listing."""
        child, self._child = self._child, None
        if child is not None:
            child.received.disconnect(self._on_received)
            child.ended.disconnect(self._on_ended)
            child.ended.connect(child.deleteLater)
            child.cancel()

    def _on_received(self, event: events.Event) -> None:
        match event:
            case events.RemoteModelListed():
                self.models.append(event)
            case events.NoticeReported(code, details):
                self.notices.append(describe_notice(code, details))
            case events.Failed(code, details):
                self._problem = code, describe_error(code, details)

    def _on_ended(self, outcome: ProcessOutcome) -> None:
        child, self._child = self._child, None
        log = child.log_text() if child else ""
        if child is not None:
            child.deleteLater()
        if not outcome.was_successful and self._problem is None:
            detail = outcome.describe(log.splitlines())
            sentence = describe_error(ErrorCode.INTERNAL, {"detail": detail})
            self._problem = ErrorCode.INTERNAL, sentence
        if self._problem is not None:
            self.failed.emit(*self._problem, log)
        else:
            self.found.emit()
