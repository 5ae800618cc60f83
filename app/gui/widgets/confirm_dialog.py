"""Dialog that asks for confirmation."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QLineEdit, QWidget

from app.core.language import tr
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.dialog_buttons import dialog_buttons
from app.gui.widgets.dialog_layout import dialog_layout
from app.gui.widgets.plain_label import PlainLabel


class ConfirmDialog(QDialog):
    """Emits `accepted` if the user confirms; opened with `open`.

    Args:
        theme: colors.
        title: the question.
        text: the consequences.
        details: the affected items, each on a line.
        action: the label of the confirming button.
        dismissal: the label of the button that only closes the dialog; empty for "Cancel".
        typed: a word that must be typed first; empty for none.
        is_destructive: the action can't be undone.
        alternatives: the labels of other ways to go on.

    Signals:
        alternative_chosen: the index of the alternative that the user took; the dialog is closed.
    """

    alternative_chosen = Signal(int)

    def __init__(
        self,
        theme: Theme,
        title: str,
        text: str,
        details: Sequence[str],
        action: str,
        parent: QWidget | None = None,
        *,
        dismissal: str = "",
        typed: str = "",
        is_destructive: bool = False,
        alternatives: Sequence[str] = (),
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        column = dialog_layout(self)
        column.addWidget(PlainLabel(title, "title", wrap=True))
        column.addWidget(PlainLabel(text, wrap=True))
        for detail in details:
            column.addWidget(PlainLabel(detail, "caption", elide=True))
        keep = Button(theme, dismissal or tr("Cancel"))
        keep.clicked.connect(self.reject)
        self.confirm = Button(theme, action, "destructive" if is_destructive else "primary")
        self.confirm.clicked.connect(self.accept)
        keep.setDefault(True)
        keep.setFocus()
        if typed:
            column.addWidget(self._typing_line(typed))
        column.addSpacing(SPACING.small)
        self.alternatives = [Button(theme, words) for words in alternatives]
        for index, button in enumerate(self.alternatives):
            button.clicked.connect(lambda _, index=index: self._take(index))
        column.addLayout(dialog_buttons(keep, *self.alternatives, self.confirm))

    def _take(self, index: int) -> None:
        self.reject()
        self.alternative_chosen.emit(index)

    def _typing_line(self, typed: str) -> QLineEdit:
        words = tr("Type “{word}” to confirm", word=typed)
        self.line = QLineEdit()
        self.line.setPlaceholderText(words)
        self.line.setAccessibleName(words)
        self.line.textChanged.connect(lambda text: self.confirm.setEnabled(text.strip() == typed))
        self.confirm.setEnabled(False)
        self.line.setFocus()
        return self.line
