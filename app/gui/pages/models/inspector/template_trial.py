"""Try chat templates of one model in a child process, the newest only."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from app.core import events
from app.core.inspection_events import TemplateTried
from app.core.language import tr
from app.core.sentences import describe_error, describe_notice
from app.gui.children.child import Child

_PAUSE_MILLISECONDS = 250


class TemplateTrial(QObject):
    """Tries a text shortly after it was given; while one is being tried, only the newest waits.

    Signals:
        tried: the text and its `TemplateTried`.
        noticed: a sentence about a notice.
    """

    tried = Signal(str, object)
    noticed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path = ""
        self._child: Child | None = None
        self._asked: str | None = None
        self._wanted: str | None = None
        self._pause = QTimer(self, singleShot=True, interval=_PAUSE_MILLISECONDS)
        self._pause.timeout.connect(self._ask)

    def set_model(self, path: str) -> None:
        """Try templates of another model from now on."""
        self.stop()
        self._path = path

    def try_out(self, text: str) -> None:
        """Try a template."""
        self._wanted = text
        self._pause.start()

    def stop(self) -> None:
        """End the child."""
        self._pause.stop()
        self._asked = self._wanted = None
        child, self._child = self._child, None
        if child is not None:
            child.abandon()

    def _ask(self) -> None:
        if self._asked is not None or self._wanted is None:
            return
        if self._child is None:
            self._child = Child("preview-template", self._path, parent=self)
            self._child.received.connect(self._on_received)
            self._child.ended.connect(self._on_ended)
            self._child.start()
        self._asked, self._wanted = self._wanted, None
        self._child.send(events.Begin(self._asked))

    def _on_received(self, event: events.Event) -> None:
        match event:
            case TemplateTried():
                self._answer(event)
            case events.NoticeReported(code, details):
                self.noticed.emit(describe_notice(code, details))
            case events.Failed(code, details):
                self._answer(TemplateTried(problem=describe_error(code, details)))

    def _on_ended(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.deleteLater()
        self._answer(TemplateTried(problem=tr("the process that renders it ended")))

    def _answer(self, tried: TemplateTried) -> None:
        text, self._asked = self._asked, None
        if text is not None:
            self.tried.emit(text, tried)
        if not self._pause.isActive():
            self._ask()
