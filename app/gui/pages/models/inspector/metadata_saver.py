"""Save changed metadata, in a child process."""

from __future__ import annotations

import time
from collections.abc import Mapping

from PySide6.QtCore import QObject, QTemporaryFile, Signal

from app.core import events
from app.core.errors import ErrorCode
from app.core.pace import Pace
from app.core.recommended_sampling import SAMPLING_KEYS
from app.core.sentences import describe_error, describe_notice
from app.gguf_file.editable_metadata import TEMPLATE_KEY
from app.gui.children.child import Child
from app.jobs.outcome import ProcessOutcome

_TEXT_OPTIONS = {"general.name": "name", "general.author": "author", "general.license": "license"}
_SAMPLING_NAMES = {key: name for name, key in SAMPLING_KEYS.items()}


class MetadataSaver(QObject):
    """Runs `gristmill models edit`, once at a time; the file is whole whatever happens.

    Signals:
        progressed: a `Progressed`.
        saved: the path of the model, or of the copy.
        failed: a sentence that says why nothing was saved.
        noticed: a sentence about a notice.
        canceled: the user stopped it; nothing was saved.
    """

    progressed = Signal(object)
    saved = Signal(str)
    failed = Signal(str)
    noticed = Signal(str)
    canceled = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.pace = Pace()
        self._child: Child | None = None
        self._template: QTemporaryFile | None = None
        self._sentence = self._written = ""

    @property
    def is_busy(self) -> bool:
        """True while a model is being saved."""
        return self._child is not None

    def save(self, path: str, changes: Mapping[str, str | None], to: str = "") -> None:
        """Save changes into the model, or with `to` into a copy there."""
        self.pace, self._sentence, self._written = Pace(), "", ""
        arguments = [word for key, text in changes.items() for word in self._option(key, text)]
        if to:
            arguments.append(f"--to={to}")
        self._child = Child("models", "edit", *arguments, "--", path, parent=self)
        self._child.received.connect(self._on_received)
        self._child.ended.connect(self._on_ended)
        self._child.start()

    def cancel(self) -> None:
        """Stop saving; the model stays as it was."""
        if self._child is not None:
            self._child.cancel()

    def _option(self, key: str, text: str | None) -> list[str]:
        if text is None:
            return [f"--remove={key}"]
        if key == TEMPLATE_KEY:
            # It may be longer than an argument can be.
            self._template = QTemporaryFile(self)
            self._template.open()
            self._template.write(text.encode())
            self._template.close()
            return [f"--template={self._template.fileName()}"]
        if key in _SAMPLING_NAMES:
            return [f"--sampling={_SAMPLING_NAMES[key]}={text}"]
        return [f"--{_TEXT_OPTIONS[key]}={text}"]

    def _on_received(self, event: events.Event) -> None:
        match event:
            case events.Progressed():
                self.pace.observe(event.done_bytes, time.monotonic())
                self.progressed.emit(event)
            case events.NoticeReported(code, details):
                self.noticed.emit(describe_notice(code, details))
            case events.Failed(code, details):
                self._sentence = describe_error(code, details)
            case events.Finished(paths, _):
                self._written = paths[0]

    def _on_ended(self, outcome: ProcessOutcome) -> None:
        child, self._child = self._child, None
        if self._template is not None:
            self._template.remove()
            self._template = None
        if child is None:
            return
        child.deleteLater()
        if outcome.was_successful:
            self.saved.emit(self._written)
        elif outcome.was_canceled:
            self.canceled.emit()
        else:
            detail = outcome.describe(child.log)
            self.failed.emit(
                self._sentence or describe_error(ErrorCode.INTERNAL, {"detail": detail})
            )
