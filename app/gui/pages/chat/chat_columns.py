"""Columns of the chat page: the list of chats, the conversation, and the chat settings."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.gui.theme.tokens import SIZE, SPACING

_READABLE = 2 * SIZE.chats
"""The minimum width of the conversation beside the list of chats."""


class ChatColumns(QWidget):
    """Folds the list when the user wants it, and by itself where there is no room for it.

    In a narrow window the list can be unfolded until the width changes again.

    Signals:
        panel_displaced: the list takes the room of the chat settings.
        list_folded: the user folded the list (True) or unfolded it (False) where there is room.
        list_shown: the list came (True) or went (False).
    """

    list_folded = Signal(bool)
    panel_displaced = Signal()
    list_shown = Signal(bool)

    def __init__(
        self,
        chat_list: QWidget,
        header: QWidget,
        conversation: QWidget,
        panel: QWidget,
        *,
        lists_chats: bool,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._list, self._panel = chat_list, panel
        self._wants_list = lists_chats
        self._unfolds_narrow = False
        lower = QHBoxLayout()
        lower.setSpacing(SPACING.large)
        lower.addWidget(conversation, 1)
        lower.addWidget(panel)
        right = QVBoxLayout()
        right.setSpacing(SPACING.medium)
        right.addWidget(header)
        right.addLayout(lower, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.wide)
        row.addWidget(chat_list)
        row.addLayout(right, 1)
        panel.hide()
        self._fold()

    @property
    def shows_list(self) -> bool:
        """True if the list of chats is unfolded."""
        return not self._list.isHidden()

    def toggle_list(self) -> None:
        """Fold or unfold the list of chats."""
        if self._has_room:
            self._wants_list = not self._wants_list
            self.list_folded.emit(not self._wants_list)
        else:
            unfolds = not self._unfolds_narrow
            if unfolds and not self._panel.isHidden():
                self.panel_displaced.emit()
            self._unfolds_narrow = unfolds
        self._fold()

    def show_panel(self, is_shown: bool) -> None:  # noqa: FBT001 - a property's value
        """Show or hide the chat settings."""
        self._panel.setVisible(is_shown)
        self._unfolds_narrow = False
        self._fold()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold or unfold the list, depending on whether there is room for it."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._unfolds_narrow = False
            self._fold()

    @property
    def _has_room(self) -> bool:
        taken = self._list.width() + SPACING.wide
        if not self._panel.isHidden():
            taken += self._panel.width() + SPACING.large
        return self.width() >= taken + _READABLE

    def _fold(self) -> None:
        was_shown = self.shows_list
        is_shown = self._wants_list if self._has_room else self._unfolds_narrow
        self._list.setVisible(is_shown)
        if is_shown != was_shown:
            self.list_shown.emit(is_shown)
