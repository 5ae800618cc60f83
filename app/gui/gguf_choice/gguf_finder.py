"""List the GGUF models of a repository in a child process."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.core.events import Event, RemoteModelListed
from app.gui.children.inquiry import Inquiry
from app.gui.services.download_arguments import download_arguments
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
        self.models: list[RemoteModelListed] = []
        self.notices: list[str] = []
        self._inquiry = Inquiry(self)
        self._inquiry.received.connect(self._on_received)
        self._inquiry.noticed.connect(self._on_noticed)
        self._inquiry.answered.connect(self.found)
        self._inquiry.failed.connect(self.failed)

    @property
    def is_busy(self) -> bool:
        """True until `found` or `failed`."""
        return self._inquiry.is_busy

    def find(self, request: DownloadRequest) -> None:
        """List the models that a request is about."""
        self.models, self.notices = [], []
        self._inquiry.ask(*download_arguments(request), "--list")

    def stop(self) -> None:
        """Stop listing."""
        self._inquiry.stop()

    def _on_received(self, event: Event) -> None:
        if isinstance(event, RemoteModelListed):
            self.models.append(event)

    def _on_noticed(self, sentence: str) -> None:
        self.notices.append(sentence)
