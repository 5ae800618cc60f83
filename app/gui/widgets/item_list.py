"""List of lines to choose from."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QListWidget, QWidget


class ItemList(QListWidget):
    """A `QListWidget` that scrolls smoothly, with or without a frame.

    Args:
        name: the accessible name.
        framed: with the surface and edge of a card.
    """

    def __init__(self, name: str, *, framed: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        if not framed:
            self.setProperty("role", "bare")
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        # Rows measured before the style sheet is applied keep the wrong height.
        self.ensurePolished()
