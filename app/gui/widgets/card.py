"""Raised surface that groups related widgets."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.plain_label import PlainLabel


class Card(QFrame):
    """A card with an optional heading and a column of widgets."""

    def __init__(self, heading: str = "", *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._column = QVBoxLayout(self)
        edge = SPACING.large
        self._column.setContentsMargins(edge, edge, edge, edge)
        self._column.setSpacing(SPACING.medium)
        if heading:
            self.setAccessibleName(heading)
            self._column.addWidget(PlainLabel(heading, "heading"))

    def add(self, widget: QWidget) -> None:
        """Add a widget below the others."""
        self._column.addWidget(widget)

    def add_line(self) -> QWidget:
        """Add a thin separator line, and return it."""
        line = QFrame()
        line.setProperty("role", "line")
        line.setFixedHeight(SIZE.hairline)
        self._column.addWidget(line)
        return line
