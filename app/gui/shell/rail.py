"""Navigation rail with the pages, and the jobs below them."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QVBoxLayout, QWidget

from app.core.language import tr
from app.gui.theme.icons import IconName
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.button import Button


class Rail(QFrame):
    """A button for each page; `chosen` carries the page's name."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._buttons: dict[str, Button] = {}
        self._group = QButtonGroup(self)
        self.setProperty("role", "rail")
        self.setAccessibleName(tr("Pages"))
        self.setFixedWidth(SIZE.rail)
        self._column = QVBoxLayout(self)
        edge = SPACING.small
        self._column.setContentsMargins(edge, SPACING.medium, edge, edge)
        self._column.setSpacing(SPACING.tiny)
        self._column.addStretch(1)

    def add_page(self, name: str, words: str, icon_name: IconName) -> None:
        """Add a page below the others."""
        button = Button(self._theme, words, "navigation", icon_name=icon_name)
        button.clicked.connect(lambda: self.chosen.emit(name))
        self._group.addButton(button)
        self._column.insertWidget(len(self._buttons), button)
        self._buttons[name] = button

    def add_foot(self, widget: QWidget) -> None:
        """Put a widget at the bottom."""
        self._column.addWidget(widget)

    def show_page(self, name: str) -> None:
        """Mark a page as open without emitting `chosen`."""
        self._buttons[name].setChecked(True)
