"""Ask the Hub in one long-lived child, so that a slow network never blocks the window."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.core import events
from app.core.errors import ErrorCode, ErrorDetails
from app.core.hub_events import (
    FirstModels,
    HubAnswered,
    HubModelFound,
    HubPage,
    HubPageFound,
    HubRequest,
    HubSearch,
)
from app.core.sentences import describe_notice
from app.gui.children.child import Child
from app.jobs.outcome import ProcessOutcome

_VERB = "browse"
HubQuery = HubSearch | HubPage | FirstModels


class HubChannel(QObject):
    """A channel of requests to the Hub; a new request makes the previous one obsolete.

    Signals:
        model_found: a `HubModelFound` of the last request.
        page_found: a `HubPageFound` of the last request.
        answered: the `HubAnswered` that ends the answer to the last request.
    """

    model_found = Signal(object)
    page_found = Signal(object)
    answered = Signal(object)

    def __init__(self, name: str, browser: HubBrowser) -> None:
        super().__init__(browser)
        self.name = name
        self._browser = browser
        self._number = 0

    @property
    def is_waiting(self) -> bool:
        """True until the last request is answered."""
        return self._number > 0

    def ask(self, query: HubQuery) -> None:
        """Send a request; returns at once."""
        self._number = self._browser.next_number()
        self._browser.send(HubRequest(self._number, self.name, query))

    def drop(self) -> None:
        """Ignore the answer to the last request."""
        self._number = 0

    def take(self, event: events.Event) -> None:
        """Pass on an event if it answers the last request."""
        match event:
            case HubModelFound(number=number) if number == self._number:
                self.model_found.emit(event)
            case HubPageFound(number=number) if number == self._number:
                self.page_found.emit(event)
            case HubAnswered(number=number) if number == self._number:
                self._number = 0
                self.answered.emit(event)

    def fail(self, problem: ErrorCode, details: ErrorDetails) -> None:
        """End the answer to the last request, if there is one, with an error."""
        if self.is_waiting:
            self.take(HubAnswered(self._number, problem, details))


class HubBrowser(QObject):
    """Owns the child; it is started with the first request, and again after it has died.

    Signals:
        noticed: a sentence about a notice of the child.
    """

    noticed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._child: Child | None = None
        self._channels: list[HubChannel] = []
        self._last_number = 0
        self._failure: tuple[ErrorCode, ErrorDetails] | None = None

    def open_channel(self, name: str) -> HubChannel:
        """Return a new channel, whose requests no other channel makes obsolete."""
        channel = HubChannel(f"{name}-{len(self._channels)}", self)
        self._channels.append(channel)
        return channel

    def next_number(self) -> int:
        """Return a number that no request has had."""
        self._last_number += 1
        return self._last_number

    def send(self, request: HubRequest) -> None:
        """Send a request to the child, which is started if there is none."""
        if self._child is None:
            self._start()
        if self._child is not None:
            self._child.send(request)

    def _start(self) -> None:
        self._failure = None
        self._child = Child(_VERB, parent=self)
        self._child.received.connect(self._on_received)
        self._child.ended.connect(self._on_ended)
        self._child.start()

    def _on_received(self, event: events.Event) -> None:
        match event:
            case events.Failed(code, details):
                self._failure = code, details
            case events.NoticeReported(code, details):
                self.noticed.emit(describe_notice(code, details))
        for channel in self._channels:
            channel.take(event)

    def _on_ended(self, outcome: ProcessOutcome) -> None:
        """Answer what is still asked with the reason why the child died."""
        child, self._child = self._child, None
        log = list(child.log) if child is not None else []
        if child is not None:
            child.deleteLater()
        reason = self._failure or (ErrorCode.INTERNAL, {"detail": outcome.describe(log)})
        for channel in self._channels:
            channel.fail(*reason)
