"""Choose the model to chat with, from the library or another engine's server."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.core.language import tr
from app.gui.pages.chat.model_box import ModelBox
from app.gui.services.engine import (
    EngineConnected,
    EngineFailed,
    EngineIdle,
    EngineLoading,
    EngineReady,
    EngineState,
)
from app.gui.services.model_entry import ModelEntry, model_entries, use
from app.gui.services.workbench import Workbench
from app.gui.theme.tokens import SPACING
from app.gui.widgets.icon_button import IconButton


class ModelPicker(QWidget):
    """A box with all models; choosing one loads it or connects to its server.

    Signals:
        chosen: the user chose a model, which is being loaded or connected to.
        models_requested: the user wants to get another model.
        options_requested: the user wants the load options of the model; its path and its name.
    """

    chosen = Signal()
    models_requested = Signal()
    options_requested = Signal(str, str)

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._engine = workbench.engine
        self._models = workbench.models
        self._endpoints = workbench.endpoints
        self.box = ModelBox(workbench.theme)
        self.options_button = IconButton(workbench.theme, "sliders", tr("Options of the model"))
        self.eject_button = IconButton(workbench.theme, "eject", tr("Unload the model"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.small)
        row.addWidget(self.box)
        row.addWidget(self.options_button)
        row.addWidget(self.eject_button)
        self.box.chosen.connect(self._choose)
        self.box.models_requested.connect(self.models_requested)
        self.options_button.clicked.connect(self._show_options)
        self.eject_button.clicked.connect(self._engine.unload)
        self._models.changed.connect(self._show)
        self._endpoints.changed.connect(self._show)
        self._engine.changed.connect(self._on_engine_changed)
        self._show()

    def open_list(self) -> None:
        """Open the list of models."""
        self.box.setFocus()
        self.box.showPopup()

    def _choose(self, entry: ModelEntry) -> None:
        use(self._engine, entry)
        self.chosen.emit()

    def _show_options(self) -> None:
        state = self._engine.state
        if isinstance(state, EngineLoading | EngineReady | EngineFailed):
            self.options_requested.emit(state.path, state.name)

    def _on_engine_changed(self, state: EngineState) -> None:
        if not isinstance(state, EngineLoading) or state.fraction == 0:
            self._show()

    def _show(self) -> None:
        state = self._engine.state
        entries = list(model_entries(self._models, self._endpoints))
        used = "" if isinstance(state, EngineIdle) else state.path
        if not isinstance(state, EngineIdle) and all(entry.path != used for entry in entries):
            entries.insert(0, ModelEntry(state.path, state.name))
        is_loaded = isinstance(state, EngineReady | EngineConnected)
        self.box.show_entries(entries, used, is_loaded=is_loaded)
        self.options_button.setEnabled(
            isinstance(state, EngineLoading | EngineReady | EngineFailed)
        )
        self.eject_button.setEnabled(
            isinstance(state, EngineReady | EngineLoading | EngineConnected)
        )
