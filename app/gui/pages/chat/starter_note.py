"""Line in the chat that says how limited the starter model is."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.core.language import tr
from app.gui.services.engine import Engine, EngineIdle, EngineState
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.plain_label import PlainLabel
from app.library.reply_defaults import is_starter


class StarterNote(QWidget):
    """Shows itself while the starter model is the one to chat with.

    Signals:
        acted: the user wants a better model.
    """

    acted = Signal()

    def __init__(self, theme: Theme, engine: Engine, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        words = tr("A tiny model for trying things out.")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.small)
        row.addWidget(PlainLabel(words, "caption", elide=True))
        self.button = Button(theme, tr("Get a better one"), "link", compact=True)
        row.addWidget(self.button)
        row.addStretch(1)
        self.button.clicked.connect(self.acted)
        engine.changed.connect(self._show_engine)
        self._show_engine(engine.state)

    def _show_engine(self, state: EngineState) -> None:
        self.setVisible(not isinstance(state, EngineIdle) and is_starter(state.path))
