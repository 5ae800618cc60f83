"""What an empty chat shows: the way to a first model, or to a first message."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.core.errors import AppError
from app.core.language import fill, tr
from app.core.sizes import format_bytes
from app.gui.getting.first_models_list import FirstModelsList
from app.gui.pages.chat.starter_download import StarterDownload
from app.gui.services.engine import (
    EngineConnected,
    EngineFailed,
    EngineIdle,
    EngineLoading,
    EngineReady,
    EngineState,
)
from app.gui.services.model_entry import (
    ModelEntry,
    description,
    entry_to_continue_with,
    model_entries,
    use,
)
from app.gui.services.workbench import Workbench
from app.gui.widgets.button import Button
from app.gui.widgets.empty_state import EmptyState
from app.library.reply_defaults import STARTER_NAME, is_starter
from app.library.starter import STARTER_BYTES

_LONGEST_NAME = 24
_FIRST_MODELS = 3


class EmptyChat(QWidget):
    """Offers the last model, the only one or the starter, with one button.

    Signals:
        chosen: a model was chosen, which is being loaded or connected to.
        list_requested: the user wants to choose from the list of models.
        models_requested: the user wants to get another model.
    """

    chosen = Signal()
    list_requested = Signal()
    models_requested = Signal()

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workbench = workbench
        self._offered: ModelEntry | None = None
        self._download = StarterDownload(workbench)
        self.state = EmptyState(workbench.theme, "chat", "", "")
        self.other_button = Button(workbench.theme, tr("Get another model"), "quiet")
        self.first_models = FirstModelsList(workbench, _FIRST_MODELS)
        self.state.add(self._download)
        self.state.add(self.first_models)
        self.state.add(self.other_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.state)
        self.state.acted.connect(self._act)
        self.other_button.clicked.connect(self.models_requested)
        self._download.changed.connect(self._show)
        self.first_models.chat_requested.connect(self._chat_with)
        workbench.engine.changed.connect(self._on_engine_changed)
        workbench.models.changed.connect(self._show)
        workbench.endpoints.changed.connect(self._show)
        self._show()

    def _on_engine_changed(self, state: EngineState) -> None:
        if isinstance(state, EngineReady | EngineConnected):
            # A full disk is no reason not to chat.
            with suppress(AppError):
                self._workbench.settings.change(last_model=state.path)
        self._show()

    def _act(self) -> None:
        if self._offered is not None:
            use(self._workbench.engine, self._offered)
            self.chosen.emit()
        elif self._entries():
            self.list_requested.emit()
        else:
            self._download.start()

    def _has_no_models(self) -> bool:
        return self._workbench.models.is_known and not self._entries()

    def _chat_with(self, path: str) -> None:
        listed = self._workbench.models.model_at(path)
        self._workbench.engine.load(path, listed.title if listed else Path(path).stem)
        self.chosen.emit()

    def _entries(self) -> Sequence[ModelEntry]:
        return tuple(model_entries(self._workbench.models, self._workbench.endpoints))

    def _show(self) -> None:
        state = self._workbench.engine.state
        self.other_button.setVisible(isinstance(state, EngineIdle))
        if isinstance(state, EngineIdle) and self._has_no_models():
            self.first_models.offer()
        else:
            self.first_models.withdraw()
        match state:
            case EngineIdle():
                self._show_offer()
            case EngineConnected(_, name, host=host):
                self._invite(name, tr("What you write is sent to {host}.", host=host))
            case EngineLoading(_, name, _) | EngineReady(_, name, _) | EngineFailed(_, name, _, _):
                self._invite(name, tr("What you write stays on this machine."))

    def _invite(self, name: str, words: str) -> None:
        title = tr("Ask {name} something", name=_shortened(name))
        self.state.show_state("chat", title, words)

    def _show_offer(self) -> None:
        if self._download.is_running:
            words = tr("{name} is a tiny model for trying things out.", name=STARTER_NAME)
            self.state.show_state("download", tr("Getting the starter model"), words)
            return
        entries = self._entries()
        last = self._workbench.settings.value.last_model
        self._offered = entry_to_continue_with(entries, last)
        if self._offered is not None and self._offered.path == last:
            self._offer(tr("Welcome back"), tr("Continue with {name}"), self._offered)
        elif self._offered is not None:
            self._offer(tr("Start chatting"), tr("Chat with {name}"), self._offered)
        elif entries:
            words = tr("Pick one of your {count} models.", count=f"{len(entries):,}")
            self.state.show_state("chat", tr("Start chatting"), words, tr("Choose a model"))
        elif not self._workbench.models.is_known:
            self.other_button.hide()
            self.state.show_state("search", tr("Looking for models…"), "")
        else:
            self._offer_starter()

    def _offer(self, title: str, label: str, entry: ModelEntry) -> None:
        name = STARTER_NAME if is_starter(entry.path) else entry.name
        self.state.show_state("chat", title, description(entry), fill(label, name=name))

    def _offer_starter(self) -> None:
        if self._download.failure:
            title = tr("The starter model could not be downloaded")
            self.state.show_state("warning", title, self._download.failure, tr("Try again"))
        else:
            size = format_bytes(STARTER_BYTES)
            self.state.show_state(
                "models",
                tr("No models yet"),
                tr("Start with a tiny model for trying things out, or drop a .gguf file here."),
                tr("Download the starter model ({size})", size=size),
            )


def _shortened(name: str) -> str:
    """Return a name with an ellipsis instead of its middle if it is long."""
    if len(name) <= _LONGEST_NAME:
        return name
    half = _LONGEST_NAME // 2
    return f"{name[: half - 1]}…{name[-half:]}"
