"""List other engines' servers and models, in child processes so that none blocks the window."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.core import events, paths
from app.core.errors import ErrorCode
from app.core.sentences import describe_error, describe_notice
from app.gui.children.child import Child
from app.jobs.outcome import ProcessOutcome


class EndpointList(QObject):
    """Lists, adds and removes servers.

    Signals:
        changed: `endpoints` is new.
        added: a server was added; its `EndpointListed`.
        failed: a sentence about an error.
        noticed: a sentence about a notice.
    """

    changed = Signal()
    added = Signal(object)
    failed = Signal(str)
    noticed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.endpoints: tuple[events.EndpointListed, ...] = ()
        self._found: list[events.EndpointListed] = []
        self._added: dict[str, events.EndpointListed] = {}
        self._listing: Child | None = None
        self._is_stale = False

    def refresh(self) -> None:
        """Ask each server for its models; do nothing if there are no servers."""
        if self._listing is not None:
            self._is_stale = True
            return
        if not paths.endpoints_file().exists():
            return
        self._found = []
        self._listing = self._start("endpoints")
        self._listing.received.connect(self._take_listed)
        self._listing.ended.connect(self._on_listed)

    def add(self, address: str, key: str) -> None:
        """Add a server if it responds; `changed` or `failed` follows."""
        child = self._start("endpoints", "--add", address)
        child.send(events.Secret(key))
        child.received.connect(self._take_added)
        child.ended.connect(self.refresh)

    def remove(self, url: str) -> None:
        """Remove a server and its key."""
        self._added.pop(url, None)
        self._start("endpoints", "--remove", url).ended.connect(self.refresh)

    def _start(self, *arguments: str) -> Child:
        child = Child(*arguments, parent=self)
        child.received.connect(self._report)
        child.ended.connect(child.deleteLater)
        child.start()
        return child

    def _report(self, event: events.Event) -> None:
        match event:
            case events.Failed(code, details):
                self.failed.emit(describe_error(code, details))
            case events.NoticeReported(code, details):
                self.noticed.emit(describe_notice(code, details))

    def _take_added(self, event: events.Event) -> None:
        if isinstance(event, events.EndpointListed):
            self._added[event.url] = event
            self.added.emit(event)

    def _take_listed(self, event: events.Event) -> None:
        if isinstance(event, events.EndpointListed):
            # Without a keyring, a key lasts until the window closes.
            is_keyless = event.problem is ErrorCode.ENDPOINT_REFUSES and not event.key
            self._found.append(self._added.get(event.url, event) if is_keyless else event)

    def _on_listed(self, _: ProcessOutcome) -> None:
        self._listing = None
        self.endpoints = tuple(self._found)
        self.changed.emit()
        if self._is_stale:
            self._is_stale = False
            self.refresh()
