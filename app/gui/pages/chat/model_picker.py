"""Choose the model to chat with, from the library or another engine's server."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.core.language import tr
from app.gui.services.engine import (
    EngineConnected,
    EngineFailed,
    EngineIdle,
    EngineLoading,
    EngineReady,
    EngineState,
    remote_path,
)
from app.gui.services.workbench import Workbench
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.drop_down import DropDown
from app.gui.widgets.icon_button import IconButton


class ModelPicker(QWidget):
    """A box with all models; choosing one loads it or connects to its server.

    Signals:
        chosen: the user chose a model, which is being loaded or connected to.
        options_requested: the user wants the load options of the model; its path and its name.
    """

    chosen = Signal()
    options_requested = Signal(str, str)

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._engine = workbench.engine
        self._models = workbench.models
        self._endpoints = workbench.endpoints
        self.box = DropDown()
        self.box.setAccessibleName(tr("Model"))
        self.box.setMinimumWidth(SIZE.narrow * 2 // 3)
        self.box.setPlaceholderText(tr("Choose a model"))
        self.options_button = IconButton(workbench.theme, "settings", tr("Options of the model"))
        self.eject_button = IconButton(workbench.theme, "eject", tr("Unload the model"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.small)
        row.addWidget(self.box)
        row.addWidget(self.options_button)
        row.addWidget(self.eject_button)
        self.box.activated.connect(self._choose)
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

    def _choose(self, index: int) -> None:
        self._use(index)
        self.chosen.emit()

    def _use(self, index: int) -> None:
        path = self.box.itemData(index)
        for endpoint in self._endpoints.endpoints:
            for model in endpoint.models:
                if remote_path(endpoint.url, model) == path:
                    self._engine.connect_to(endpoint, model)
                    return
        listed = self._models.model_at(path)
        self._engine.load(path, listed.name if listed else self.box.itemText(index))

    def _show_options(self) -> None:
        state = self._engine.state
        if isinstance(state, EngineLoading | EngineReady | EngineFailed):
            self.options_requested.emit(state.path, state.name)

    def _on_engine_changed(self, state: EngineState) -> None:
        if not isinstance(state, EngineLoading) or state.fraction == 0:
            self._show()

    def _show(self) -> None:
        state = self._engine.state
        self.box.clear()
        for model in self._models.models:
            if model.problem is None:
                words = f"{model.name}  ·  {model.level}" if model.level else model.name
                self.box.addItem(words, model.path)
        for endpoint in self._endpoints.endpoints:
            if self.box.count() and endpoint.models:
                self.box.insertSeparator(self.box.count())
            for name in endpoint.models:
                self.box.addItem(f"{name}  ·  {endpoint.name}", remote_path(endpoint.url, name))
        if not isinstance(state, EngineIdle) and self.box.findData(state.path) < 0:
            self.box.addItem(state.name, state.path)
        self.box.setCurrentIndex(
            -1 if isinstance(state, EngineIdle) else self.box.findData(state.path)
        )
        self.box.setEnabled(self.box.count() > 0)
        self.options_button.setEnabled(
            isinstance(state, EngineLoading | EngineReady | EngineFailed)
        )
        self.eject_button.setEnabled(
            isinstance(state, EngineReady | EngineLoading | EngineConnected)
        )
