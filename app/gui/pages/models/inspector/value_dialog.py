"""Dialog to change the value of one metadata entry."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QLineEdit, QWidget

from app.core.errors import AppError
from app.core.language import tr
from app.gguf_file.editable_metadata import parsed_value
from app.gui.theme.restyle import restyle
from app.gui.theme.theme import Theme
from app.gui.widgets.button import Button
from app.gui.widgets.dialog_buttons import dialog_buttons
from app.gui.widgets.dialog_layout import dialog_layout
from app.gui.widgets.plain_label import PlainLabel


class ValueDialog(QDialog):
    """Takes a value only if it can be used; opened with `open`, deleted when closed.

    Signals:
        entered: the key and its new value.
    """

    entered = Signal(str, str)

    def __init__(
        self, theme: Theme, title: str, key: str, text: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._key = key
        self.line = QLineEdit(text)
        self.line.setAccessibleName(title)
        self._fault = PlainLabel("", "caption", wrap=True)
        self._fault.set_tone("danger")
        self.apply = Button(theme, tr("Apply"), "primary")
        self.apply.setDefault(True)
        cancel = Button(theme, tr("Cancel"))
        column = dialog_layout(self)
        column.addWidget(PlainLabel(title, "title", wrap=True))
        column.addWidget(PlainLabel(key, "caption", wrap=True))
        column.addWidget(self.line)
        column.addWidget(self._fault)
        column.addLayout(dialog_buttons(cancel, self.apply))
        self.line.textChanged.connect(self._check)
        self.apply.clicked.connect(self._finish)
        cancel.clicked.connect(self.reject)
        self.line.selectAll()
        self.line.setFocus()
        self._check(text)

    def _check(self, text: str) -> None:
        fault = ""
        try:
            parsed_value(self._key, text)
        except AppError as error:
            fault = str(error.details.get("reason", ""))
        # An empty field is no fault yet, but nothing to apply.
        self.apply.setEnabled(not fault)
        fault = fault if text else ""
        restyle(self.line, "invalid", bool(fault))
        self.line.setAccessibleDescription(fault)
        self._fault.set_text(fault[:1].upper() + fault[1:])

    def _finish(self) -> None:
        self.entered.emit(self._key, self.line.text())
        self.accept()
