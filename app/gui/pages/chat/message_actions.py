"""Row of quiet buttons below a message, always reachable by keyboard and shown when needed."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QAbstractButton, QGraphicsOpacityEffect, QHBoxLayout, QWidget

from app.gui.theme.tokens import SPACING


class MessageActions(QWidget):
    """Buttons that are visible while the pointer is over the message or they have the focus."""

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_hovered = False
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(SPACING.tiny)
        # The Tab key can't reach hidden buttons, so they are only transparent.
        self._veil = QGraphicsOpacityEffect(self)
        self._veil.setOpacity(0)
        self.setGraphicsEffect(self._veil)

    def add(self, button: QAbstractButton) -> None:
        """Add a button at the end of the row."""
        button.installEventFilter(self)
        self._row.addWidget(button)

    def set_hovered(self, is_hovered: bool) -> None:  # noqa: FBT001 - the one thing it says
        """Show or hide the buttons as the pointer enters or leaves."""
        self._is_hovered = is_hovered
        self._update()

    @property
    def are_visible(self) -> bool:
        """True if the buttons are visible."""
        return not self._veil.isEnabled()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Update the visibility when a button gets or loses the focus."""
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self._update(gains_focus=event.type() == QEvent.Type.FocusIn)
        return super().eventFilter(watched, event)

    def _update(self, *, gains_focus: bool = False) -> None:
        focused = self.focusWidget()
        has_focus = gains_focus or (focused is not None and focused.hasFocus())
        self._veil.setEnabled(not (self._is_hovered or has_focus))
