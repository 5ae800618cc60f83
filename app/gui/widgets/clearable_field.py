"""Line edit with a button that clears it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QToolButton, QWidget

from app.core.language import tr


class ClearableField(QLineEdit):
    """A line edit that its button or Escape clears.

    Args:
        name: the accessible name.
        hint: shown in the empty field; the name if it is empty.
    """

    def __init__(self, name: str, hint: str = "", *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(hint or name)
        self.setAccessibleName(name)
        self.setClearButtonEnabled(True)
        button = self.findChild(QToolButton)
        if button is not None:
            button.setAccessibleName(tr("Clear"))

    def event(self, event: QEvent) -> bool:
        """Take Escape before a shortcut of the window does, if there is something to clear."""
        if event.type() == QEvent.Type.ShortcutOverride and self._clears(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Clear the field on Escape."""
        if self._clears(event):
            self.clear()
        else:
            super().keyPressEvent(event)

    def _clears(self, event: QEvent) -> bool:
        is_escape = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
        return is_escape and bool(self.text())
