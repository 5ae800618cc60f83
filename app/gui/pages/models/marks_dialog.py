"""Dialog for the label and the tags of a model."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QLineEdit, QWidget

from app.core.events import ModelListed
from app.core.language import tr
from app.core.model_facts import Marks
from app.gui.theme.theme import Theme
from app.gui.widgets.button import Button
from app.gui.widgets.dialog_buttons import dialog_buttons
from app.gui.widgets.dialog_layout import dialog_layout
from app.gui.widgets.form_row import FormRow
from app.gui.widgets.plain_label import PlainLabel

_LONGEST_LABEL = 120
_LONGEST_TAGS = 200


class MarksDialog(QDialog):
    """Asks for a label and tags; opened with `open`, deleted when closed.

    Signals:
        chosen: the `Marks`.
    """

    chosen = Signal(object)

    def __init__(self, theme: Theme, model: ModelListed, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._marks = model.marks
        title = tr("Label and tags")
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.label = _line(model.marks.label, model.name, _LONGEST_LABEL)
        self.tags = _line(", ".join(model.marks.tags), tr("code, small"), _LONGEST_TAGS)
        self.save = Button(theme, tr("Save"), "primary")
        cancel = Button(theme, tr("Cancel"))
        column = dialog_layout(self)
        column.addWidget(PlainLabel(title, "title"))
        words = tr("Shown instead of the file's name. The file itself is not renamed.")
        column.addWidget(FormRow(tr("Label"), words, self.label, stacked=True))
        words = tr("Separated by commas. The filter finds them.")
        column.addWidget(FormRow(tr("Tags"), words, self.tags, stacked=True))
        column.addLayout(dialog_buttons(cancel, self.save))
        self.save.clicked.connect(self._finish)
        self.save.setDefault(True)
        cancel.clicked.connect(self.reject)

    def _finish(self) -> None:
        words = (" ".join(tag.split()) for tag in self.tags.text().split(","))
        tags = tuple(dict.fromkeys(word for word in words if word))
        label = self.label.text().strip()
        self.chosen.emit(Marks(label, tags, self._marks.is_favorite))
        self.accept()


def _line(text: str, hint: str, longest: int) -> QLineEdit:
    line = QLineEdit(text)
    line.setPlaceholderText(hint)
    line.setMaxLength(longest)
    return line
