"""Dialog that asks for confirmation."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.core.language import tr
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.plain_label import PlainLabel


class ConfirmDialog(QDialog):
    """Emits `accepted` if the user confirms; opened with `open`.

    Args:
        theme: colors.
        title: the question.
        text: the consequences.
        details: the affected items, each on a line.
        action: the label of the confirming button.
        typed: a word that must be typed first; empty for none.
    """

    def __init__(
        self,
        theme: Theme,
        title: str,
        text: str,
        details: Sequence[str],
        action: str,
        parent: QWidget | None = None,
        *,
        typed: str = "",
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setMinimumWidth(SIZE.narrow)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[SPACING.wide] * 4)
        column.setSpacing(SPACING.medium)
        column.addWidget(PlainLabel(title, "title", wrap=True))
        column.addWidget(PlainLabel(text, wrap=True))
        for detail in details:
            column.addWidget(PlainLabel(detail, "caption", elide=True))
        keep = Button(theme, tr("Cancel"))
        keep.clicked.connect(self.reject)
        self.confirm = Button(theme, action, "danger")
        self.confirm.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.confirm)
        row.addWidget(keep)
        keep.setDefault(True)
        keep.setFocus()
        if typed:
            column.addWidget(self._typing_line(typed))
        column.addSpacing(SPACING.small)
        column.addLayout(row)

    def _typing_line(self, typed: str) -> QLineEdit:
        words = tr("Type “{word}” to confirm", word=typed)
        self.line = QLineEdit()
        self.line.setPlaceholderText(words)
        self.line.setAccessibleName(words)
        self.line.textChanged.connect(lambda text: self.confirm.setEnabled(text.strip() == typed))
        self.confirm.setEnabled(False)
        self.line.setFocus()
        return self.line
