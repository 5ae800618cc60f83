"""A few lines of text, told when a person pauses or goes on elsewhere."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QPlainTextEdit, QWidget

_PAUSE_MILLISECONDS = 800
_LINES = 4


class TextField(QPlainTextEdit):
    """Takes a text; Tab leaves it.

    Signals:
        changed: a person entered another text.
    """

    changed = Signal(str)

    def __init__(self, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._told = ""
        self.setPlaceholderText(hint)
        self.setTabChangesFocus(True)
        margins = 2 * round(self.document().documentMargin()) + 2 * self.frameWidth()
        self.setFixedHeight(_LINES * self.fontMetrics().lineSpacing() + margins)
        self._pause = QTimer(self, singleShot=True, interval=_PAUSE_MILLISECONDS)
        self._pause.timeout.connect(self._tell)
        self.textChanged.connect(self._pause.start)

    def set_text(self, text: str) -> None:
        """Show a text without telling."""
        self._told = text
        self.setPlainText(text)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Tell what was entered."""
        super().focusOutEvent(event)
        self._tell()

    def _tell(self) -> None:
        self._pause.stop()
        if (text := self.toPlainText()) != self._told:
            self._told = text
            self.changed.emit(text)
