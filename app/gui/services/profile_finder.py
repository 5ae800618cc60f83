"""Find the profile of a source on this machine, the basis of all estimates, in a child process."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QObject, Signal

from app.core import events
from app.core.errors import ErrorCode
from app.core.sentences import describe_error, describe_notice
from app.estimation.model_profile import ModelProfile, decode_profile
from app.gui.children.child import Child
from app.jobs.outcome import ProcessOutcome


class ProfileFinder(QObject):
    """Finds the profile of one source at a time; more precise ones may follow the first.

    Signals:
        found: new `ModelProfile`.
        completed: no more precise profile will follow.
        failed: there is no profile; a sentence says why.
        noticed: a new sentence in `notices`.
    """

    found = Signal(object)
    completed = Signal()
    failed = Signal(str)
    noticed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.profile: ModelProfile | None = None
        self.notices: list[str] = []
        self._child: Child | None = None
        self._sentence = ""

    @property
    def is_busy(self) -> bool:
        """True if more may follow."""
        return self._child is not None

    def find(self, source: str, *arguments: str) -> None:
        """Find the profile of another source; `arguments` are those of `gristmill estimate`."""
        self.stop()
        self.profile = None
        self.notices = []
        self._sentence = ""
        self._child = Child("estimate", source, "--profile", *arguments, parent=self)
        self._child.received.connect(self._on_received)
        self._child.ended.connect(self._on_ended)
        self._child.start()

    def stop(self) -> None:
        """Stop the search."""
        if self._child is None:
            return
        child, self._child = self._child, None
        child.received.disconnect(self._on_received)
        child.ended.disconnect(self._on_ended)
        child.ended.connect(child.deleteLater)
        child.cancel()

    def _on_received(self, event: events.Event) -> None:
        match event:
            case events.ProfileFound(profile):
                self._take(bytes(profile).decode())
            case events.NoticeReported(code, details):
                self.notices.append(describe_notice(code, details))
                self.noticed.emit(self.notices[-1])
            case events.Failed(code, details):
                self._sentence = describe_error(code, details)

    def _take(self, text: str) -> None:
        try:
            self.profile = decode_profile(text)
        except msgspec.DecodeError as error:
            self._sentence = describe_error(ErrorCode.INTERNAL, {"detail": str(error)})
            return
        self.found.emit(self.profile)

    def _on_ended(self, outcome: ProcessOutcome) -> None:
        child, self._child = self._child, None
        log = list(child.log) if child else []
        if child:
            child.deleteLater()
        if outcome.was_successful and self.profile is not None:
            self.completed.emit()
            return
        detail = outcome.describe(log)
        self.failed.emit(self._sentence or describe_error(ErrorCode.INTERNAL, {"detail": detail}))
