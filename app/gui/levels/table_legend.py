"""Legend of the table of levels: the colors of its bars, and a note on its speeds."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.core.language import tr
from app.gui.levels.memory_legend import MemoryLegend
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.plain_label import PlainLabel


class TableLegend(QWidget):
    """The `memory` legend, and a `note` that holds for all speeds."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.memory = MemoryLegend(theme)
        words = tr("The speeds are rough figures, measured while other programs were busy.")
        self.note = PlainLabel(words, "caption", wrap=True)
        self.note.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.tiny)
        column.addWidget(self.memory)
        column.addWidget(self.note)
