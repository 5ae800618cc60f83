"""Read the contents of a model in a child process."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QObject, Signal

from app.core.events import Event
from app.core.inspection_events import ModelInspected, TemplateTried
from app.gguf_file.model_contents import ModelContents
from app.gui.children.inquiry import Inquiry


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
        self._inquiry = Inquiry(self)
        self._inquiry.received.connect(self._on_received)
        self._inquiry.noticed.connect(self.noticed)
        self._inquiry.failed.connect(lambda _code, sentence, _log: self.failed.emit(sentence))

    @property
    def is_busy(self) -> bool:
        """True until the child ends."""
        return self._inquiry.is_busy

    def find(self, path: str) -> None:
        """Read the model in a file."""
        self._inquiry.ask("models", "inspect", "--", path)

    def stop(self) -> None:
        """Stop reading."""
        self._inquiry.stop()

    def _on_received(self, event: Event) -> None:
        match event:
            case ModelInspected(document):
                self.found.emit(msgspec.json.decode(document, type=ModelContents))
            case TemplateTried():
                self.tried.emit(event)
