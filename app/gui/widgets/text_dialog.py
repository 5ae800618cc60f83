"""Dialog with a long text, such as a log, to read and copy."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QGuiApplication, QShowEvent, QTextCursor
from PySide6.QtWidgets import QDialog, QPlainTextEdit, QVBoxLayout, QWidget

from app.core.language import tr
from app.gui.theme.fonts import code_font
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.dialog_buttons import dialog_buttons


class TextDialog(QDialog):
    """Shows `text` literally; opened with `open`, deleted when closed.

    Args:
        theme: colors.
        title: of the window.
        text: shown literally.
        parent: the page or dialog that it is about.
        at_end: begin at the end, where a log says why it ended.
    """

    def __init__(
        self,
        theme: Theme,
        title: str,
        text: str,
        parent: QWidget | None = None,
        *,
        at_end: bool = False,
    ) -> None:
        super().__init__(parent)
        self._at_end = at_end
        self.setWindowTitle(title)
        self._view = view = QPlainTextEdit(text or tr("The log is empty."))
        view.setReadOnly(True)
        # By default, read-only text has no cursor for the keyboard.
        view.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        view.setFont(code_font())
        view.setAccessibleName(title)
        copy = Button(theme, tr("Copy"), "primary", icon_name="copy")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(text))
        close = Button(theme, tr("Close"))
        close.clicked.connect(self.accept)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[SPACING.large] * 4)
        column.setSpacing(SPACING.medium)
        column.addWidget(view)
        column.addLayout(dialog_buttons(close, copy))
        self.resize(QSize(SIZE.reading, SIZE.narrow))

    def showEvent(self, event: QShowEvent) -> None:
        """Begin where it was wanted; where the end is depends on the height."""
        super().showEvent(event)
        if self._at_end:
            self._view.moveCursor(QTextCursor.MoveOperation.End)
