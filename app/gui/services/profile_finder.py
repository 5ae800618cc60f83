"""Find the profile of a source on this machine, the basis of all estimates, in a child process."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from PySide6.QtCore import QObject, Signal

from app.core import events
from app.core.errors import ErrorCode
from app.core.sentences import describe_error, describe_notice
from app.estimation.model_profile import ModelProfile, decode_profile
from app.estimation.rates import MachineRates
from app.gui.children.child import Child
from app.jobs.outcome import ProcessOutcome


class ProfileFinder(QObject):
    """Finds the profile of one source at a time; more precise ones may follow the first.

    Speeds that were measured while other programs were busy are measured again once these are
    quiet, however late that is.

    Signals:
        found: new `ModelProfile`.
        completed: no more precise profile will follow, except for rough speeds.
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
        self._renewal: Child | None = None
        self._sentence = ""

    @property
    def is_busy(self) -> bool:
        """True until `completed` or `failed`."""
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
        if self._child is not None:
            self._child.received.disconnect(self._on_received)
            self._child.ended.disconnect(self._on_ended)
            _end(self._child)
            self._child = None
        if self._renewal is not None:
            self._renewal.received.disconnect(self._on_renewed)
            _end(self._renewal)
            self._renewal = None

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
            self._renew(self.profile)
            return
        detail = outcome.describe(log)
        self.failed.emit(self._sentence or describe_error(ErrorCode.INTERNAL, {"detail": detail}))

    def _renew(self, profile: ModelProfile) -> None:
        """Wait in a child until rough speeds can be measured again."""
        # What follows `completed` may have started another search.
        if profile.rates is None or not profile.has_rough_speeds or self.is_busy:
            return
        types = [word for name in sorted(profile.types) for word in ("--type", name)]
        threads = str(profile.rates.threads)
        self._renewal = Child("renew-rates", "--threads", threads, *types, parent=self)
        self._renewal.received.connect(self._on_renewed)
        self._renewal.start()

    def _on_renewed(self, event: events.Event) -> None:
        # If it fails, the rough speeds stay; they say that they are rough.
        if isinstance(event, events.RatesMeasured) and self.profile is not None:
            rates = msgspec.json.decode(event.rates, type=MachineRates)
            self.profile = replace(self.profile, rates=rates)
            self.found.emit(self.profile)


def _end(child: Child) -> None:
    if child.is_running:
        child.ended.connect(child.deleteLater)
        child.cancel()
    else:
        child.deleteLater()
