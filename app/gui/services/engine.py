"""Run the engine, a child that serves one model, and follow its state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from app.core import events
from app.core.errors import ErrorCode, ErrorDetails, NoticeCode
from app.core.load_options import LoadOptions
from app.core.sentences import describe_error, describe_notice
from app.core.settings import Settings
from app.gui.children.child import Child
from app.gui.children.watchdog import Watchdog
from app.gui.services.serve_arguments import VERB, serve_arguments, sharing_arguments
from app.gui.services.settings_holder import SettingsHolder
from app.jobs.outcome import ProcessOutcome

_EXIT_MILLISECONDS = 5000


@dataclass(frozen=True)
class EngineIdle:
    """No model is loaded."""


@dataclass(frozen=True)
class EngineLoading:
    """A model is being loaded; `fraction` is 0 to 1."""

    path: str
    name: str
    fraction: float


@dataclass(frozen=True)
class EngineReady:
    """The model answers at `server.url`."""

    path: str
    name: str
    server: events.Ready


@dataclass(frozen=True)
class EngineConnected:
    """A model of another engine answers at `url`; its `path` is unique among all servers."""

    path: str
    name: str
    url: str
    key: str
    host: str


@dataclass(frozen=True)
class EngineFailed:
    """The model could not be loaded, or the engine ended; `sentence` says why."""

    path: str
    name: str
    sentence: str
    log: str


_Used = tuple[LoadOptions, tuple[str, ...]]
"""The load options and the workers that a model was loaded with."""

EngineState = EngineIdle | EngineLoading | EngineReady | EngineConnected | EngineFailed


def remote_path(url: str, model: str) -> str:
    """Return the identifier of a server's model, in place of a path."""
    return f"{url}\n{model}"


class Engine(QObject):
    """Loads and unloads models; `changed` carries the new state, `noticed` a sentence.

    `notices` are the sentences about the model that is loaded or being loaded.
    `sharing` are the arguments of `serve` that share the loaded model. `port_in_use` is the port at
    which it should be shared, if another program uses it; the window then has a port of its own.
    `key_notice` is a sentence about the key with which it is shared.
    """

    changed = Signal(object)
    noticed = Signal(str)

    def __init__(self, settings: SettingsHolder, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state: EngineState = EngineIdle()
        self.notices: list[str] = []
        self.sharing: list[str] = []
        self.port_in_use: int | None = None
        self.key_notice = ""
        self._settings = settings
        self._child: Child | None = None
        self._exiting: Child | None = None
        self._failure = ""
        self._used: _Used | None = None
        # A process that hangs in a system call may never end, so the next load doesn't wait for it.
        self._patience = QTimer(self, singleShot=True, interval=_EXIT_MILLISECONDS)
        self._patience.timeout.connect(self._on_exited)

    @property
    def process_id(self) -> int:
        """The process ID of the engine; 0 if there is none."""
        return self._child.process_id if self._child else 0

    @property
    def shared_url(self) -> str:
        """The address of the loaded model for other programs; empty if it isn't shared."""
        if not self.sharing or not isinstance(self.state, EngineReady):
            return ""
        server = self.state.server
        return f"{server.network_url or server.url}/v1"

    @property
    def is_outdated(self) -> bool:
        """True if the settings have changed since the model was loaded."""
        if not isinstance(self.state, EngineLoading | EngineReady):
            return False
        return self._used != self._wanted(self.state.path)

    def load(self, path: str, name: str) -> None:
        """Load a model, and unload the current one."""
        self._leave()
        self._serve(path, name, self._settings.value)

    def connect_to(self, endpoint: events.EndpointListed, model: str) -> None:
        """Connect to a model of another engine, and unload the current one."""
        self._leave()
        path = remote_path(endpoint.url, model)
        self._enter(EngineConnected(path, model, endpoint.url, endpoint.key, endpoint.name))

    def unload(self) -> None:
        """Unload the model, or disconnect from another engine's."""
        self._leave()
        self._enter(EngineIdle())

    def note(self, sentence: str) -> None:
        """Add a notice about the model, unless it is there already."""
        if sentence not in self.notices:
            self.notices.append(sentence)
            self.noticed.emit(sentence)

    def _wanted(self, path: str) -> _Used:
        settings = self._settings.value
        return settings.options_for(Path(path)), settings.workers

    def _leave(self) -> None:
        self._drop_child()
        self.notices = []
        self.sharing = []
        self.port_in_use = None
        self.key_notice = ""

    def _serve(self, path: str, name: str, settings: Settings) -> None:
        self._failure = ""
        self._used = self._wanted(path)
        self.sharing = sharing_arguments(settings)
        arguments = serve_arguments(path, settings.options_for(Path(path)), settings)
        child = Child(VERB, *arguments, parent=self)
        child.received.connect(self._on_received)
        child.ended.connect(self._on_ended)
        Watchdog(child).timed_out.connect(lambda: self._on_hung(child))
        self._child = child
        self._enter(EngineLoading(path, name, 0.0))
        # The memory and the port of the last engine must be free first.
        if self._exiting is None:
            child.start()

    def _drop_child(self) -> None:
        if self._child is None:
            return
        child, self._child = self._child, None
        child.received.disconnect(self._on_received)
        child.ended.disconnect(self._on_ended)
        if self._exiting is not None or not child.is_running:
            child.deleteLater()
            return
        self._exiting = child
        child.ended.connect(child.deleteLater)
        child.ended.connect(self._on_exited)
        self._patience.start()
        child.cancel()

    def _on_exited(self) -> None:
        self._patience.stop()
        if self._exiting is not None:
            self._exiting.ended.disconnect(self._on_exited)
            self._exiting = None
        if self._child is not None:
            self._child.start()

    def _enter(self, state: EngineState) -> None:
        self.state = state
        self.changed.emit(state)

    def _on_received(self, event: events.Event) -> None:
        match event, self.state:
            case events.Loading(fraction), EngineLoading(path, name):
                self._enter(EngineLoading(path, name, fraction))
            case events.Ready() as server, EngineLoading(path, name):
                self._enter(EngineReady(path, name, server))
            case events.NoticeReported(NoticeCode.SERVER_KEY_NOT_KEPT as code, details), _:
                self.key_notice = describe_notice(code, details)
            case events.NoticeReported(code, details), _:
                self.note(describe_notice(code, details))
            case events.Failed(ErrorCode.PORT_IN_USE, {"port": int(port)}), _ if self.sharing:
                self.port_in_use = port
            case events.Failed(code, details), _:
                has_log = self._child is not None and bool(self._child.log)
                self._failure = describe_error(code, details, has_log=has_log)

    def _on_hung(self, child: Child) -> None:
        if child is not self._child:
            return
        self._drop_child()
        child.kill()
        # Reported now, because the child may never end.
        self._fail(describe_error(ErrorCode.ENGINE_HUNG, {}), list(child.log))

    def _on_ended(self, outcome: ProcessOutcome) -> None:
        child, self._child = self._child, None
        log = list(child.log) if child else []
        if child:
            child.deleteLater()
        if self.port_in_use is not None and self.sharing:
            self._serve_unshared()
            return
        self._fail(self._failure or self._reason(outcome, log), log)

    def _serve_unshared(self) -> None:
        """Start again at a free port: the window doesn't need the one that others know."""
        if isinstance(self.state, EngineLoading):
            settings = msgspec.structs.replace(self._settings.value, shares_model=False)
            self._serve(self.state.path, self.state.name, settings)

    def _fail(self, sentence: str, log: Sequence[str]) -> None:
        if isinstance(self.state, EngineLoading | EngineReady):
            self._enter(EngineFailed(self.state.path, self.state.name, sentence, "\n".join(log)))

    def _reason(self, outcome: ProcessOutcome, log: Sequence[str]) -> str:
        if outcome.signal_name == "SIGBUS" and not isinstance(self.state, EngineIdle):
            details: ErrorDetails = {"model": self.state.name, "reason": outcome.signal_name}
            return describe_error(ErrorCode.MODEL_FILE_CHANGED, details)
        return describe_error(ErrorCode.ENGINE_STOPPED, {"reason": outcome.describe(log)})
