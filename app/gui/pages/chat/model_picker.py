"""Which model is talked to: picked from the library, loaded and unloaded here."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from app.gui.process.engine import Absent, Engine, EngineState, Loading, Ready
from app.gui.process.model_list import ModelList
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.icon_button import IconButton


class ModelPicker(QWidget):
    """A box with the models of the library; choosing one loads it."""

    def __init__(
        self, theme: Theme, engine: Engine, models: ModelList, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._engine = engine
        self._models = models
        self.box = QComboBox()
        self.box.setAccessibleName(self.tr("Model"))
        self.box.setMinimumWidth(SIZE.narrow * 2 // 3)
        self.box.setPlaceholderText(self.tr("Choose a model"))
        self.eject_button = IconButton(theme, "eject", self.tr("Unload the model"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.small)
        row.addWidget(self.box)
        row.addWidget(self.eject_button)
        self.box.activated.connect(self._load)
        self.eject_button.clicked.connect(engine.unload)
        models.changed.connect(self._show)
        engine.changed.connect(self._on_engine_changed)
        self._show()

    def _load(self, index: int) -> None:
        path = self.box.itemData(index)
        model = self._models.model_at(path)
        name = model.name if model else self.box.itemText(index)
        self._engine.load(path, name)

    def _on_engine_changed(self, state: EngineState) -> None:
        if not isinstance(state, Loading) or state.fraction == 0:
            self._show()

    def _show(self) -> None:
        state = self._engine.state
        self.box.clear()
        for model in self._models.models:
            if model.problem is None:
                words = f"{model.name}  ·  {model.level}" if model.level else model.name
                self.box.addItem(words, model.path)
        if not isinstance(state, Absent) and self.box.findData(state.path) < 0:
            self.box.addItem(state.name, state.path)
        self.box.setCurrentIndex(-1 if isinstance(state, Absent) else self.box.findData(state.path))
        self.box.setEnabled(self.box.count() > 0)
        self.eject_button.setEnabled(isinstance(state, Ready | Loading))
