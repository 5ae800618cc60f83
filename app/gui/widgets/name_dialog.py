"""Dialog that asks for a name."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QLineEdit, QWidget

from app.core.language import tr
from app.gui.theme.theme import Theme
from app.gui.widgets.button import Button
from app.gui.widgets.dialog_buttons import dialog_buttons
from app.gui.widgets.dialog_layout import dialog_layout
from app.gui.widgets.plain_label import PlainLabel


class NameDialog(QDialog):
    """Asks for a name; opened with `open`, deleted when closed.

    Args:
        theme: colors.
        title: what is named.
        label: the accessible name of the field.
        name: the suggested name.
        action: the label of the confirming button.
        hint: an example, shown while the field is empty.
        notes: names that the dialog says something about, each with its note.

    Signals:
        named: the name that the user gave, without surrounding spaces.
    """

    named = Signal(str)

    def __init__(
        self,
        theme: Theme,
        title: str,
        label: str,
        name: str,
        action: str,
        parent: QWidget | None = None,
        *,
        hint: str = "",
        notes: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._notes = notes or {}
        self.line = QLineEdit()
        self.line.setAccessibleName(label)
        self.line.setPlaceholderText(hint)
        self._note = PlainLabel("", "caption", wrap=True)
        self.save = Button(theme, action, "primary")
        cancel = Button(theme, tr("Cancel"))
        column = dialog_layout(self)
        column.addWidget(PlainLabel(title, "title"))
        column.addWidget(self.line)
        column.addWidget(self._note)
        column.addLayout(dialog_buttons(cancel, self.save))
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
        self._note.set_text(self._notes.get(name, ""))

    def _finish(self) -> None:
        self.named.emit(self.line.text().strip())
        self.accept()
