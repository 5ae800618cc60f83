"""Say what a drop would do while something is dragged over a widget."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from app.gui.theme.tokens import SPACING
from app.gui.widgets.plain_label import PlainLabel


class DropHint(QFrame):
    """Covers its parent, and lets the drag through to the widgets below."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._below = parent
        self.setProperty("role", "drop")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._words = PlainLabel("", "title", wrap=True)
        self._words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[SPACING.huge] * 4)
        column.addWidget(self._words)
        self.hide()

    @property
    def text(self) -> str:
        """The effect of a drop, in words."""
        return self._words.whole_text

    def show_words(self, words: str) -> None:
        """Say what a drop would do, until `hide`."""
        self._words.set_text(words)
        self.setGeometry(self._below.rect())
        self.raise_()
        self.show()
