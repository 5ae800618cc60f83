"""Ask for the name of a preset."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.core.language import tr
from app.core.presets import LONGEST_NAME
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.plain_label import PlainLabel


class NameDialog(QDialog):
    """Asks for a name; opened with `open`, deleted when closed.

    Args:
        theme: colors.
        name: the suggested name.
        taken: existing names; the dialog says that one of them would be replaced.

    Signals:
        named: the name that the user gave, without surrounding spaces.
    """

    named = Signal(str)

    def __init__(
        self, theme: Theme, name: str, taken: Collection[str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        title = tr("Save as a preset")
        self.setWindowTitle(title)
        self.setMinimumWidth(SIZE.narrow)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._taken = taken
        self.line = QLineEdit()
        self.line.setMaxLength(LONGEST_NAME)
        self.line.setAccessibleName(tr("Name of the preset"))
        self.line.setPlaceholderText(tr("For example: long documents"))
        self._note = PlainLabel("", "caption", wrap=True)
        self.save = Button(theme, tr("Save"), "primary")
        cancel = Button(theme, tr("Cancel"))
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(cancel)
        row.addWidget(self.save)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[SPACING.wide] * 4)
        column.setSpacing(SPACING.medium)
        column.addWidget(PlainLabel(title, "title"))
        column.addWidget(self.line)
        column.addWidget(self._note)
        column.addLayout(row)
        self.line.textChanged.connect(self._show)
        self.save.clicked.connect(self._finish)
        self.save.setDefault(True)
        cancel.clicked.connect(self.reject)
        self.line.setText(name)
        self.line.selectAll()
        self._show()

    def _show(self) -> None:
        name = self.line.text().strip()
        self.save.setEnabled(bool(name))
        replaced = tr("This replaces the preset of the same name.")
        self._note.set_text(replaced if name in self._taken else "")

    def _finish(self) -> None:
        self.named.emit(self.line.text().strip())
        self.accept()
