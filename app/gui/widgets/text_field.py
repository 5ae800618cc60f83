"""Field for a few lines of text, which emits them when the user pauses or leaves."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QPlainTextEdit, QWidget

_PAUSE_MILLISECONDS = 800
_LINES = 4


class TextField(QPlainTextEdit):
    """A text field in which Tab moves the focus instead of inserting a tab.

    Signals:
        changed: the text that the user entered.
    """

    changed = Signal(str)

    def __init__(self, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._emitted = ""
        self.setPlaceholderText(hint)
        self.setTabChangesFocus(True)
        margins = 2 * round(self.document().documentMargin()) + 2 * self.frameWidth()
        self.setFixedHeight(_LINES * self.fontMetrics().lineSpacing() + margins)
        self._pause = QTimer(self, singleShot=True, interval=_PAUSE_MILLISECONDS)
        self._pause.timeout.connect(self._emit)
        self.textChanged.connect(self._pause.start)

    def set_text(self, text: str) -> None:
        """Show a text without emitting `changed`."""
        self._emitted = text
        self.setPlainText(text)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Emit the text."""
        super().focusOutEvent(event)
        self._emit()

    def _emit(self) -> None:
        self._pause.stop()
        if (text := self.toPlainText()) != self._emitted:
            self._emitted = text
            self.changed.emit(text)
