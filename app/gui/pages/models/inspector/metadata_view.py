"""The metadata of a model; some entries can be changed."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.language import tr
from app.core.recommended_sampling import SAMPLING_KEYS
from app.gguf_file.editable_metadata import EDITABLE_KEYS, TEMPLATE_KEY, is_removable
from app.gguf_file.model_contents import ModelContents
from app.gui.pages.models.inspector.pending_changes import PendingChanges
from app.gui.pages.models.inspector.value_dialog import ValueDialog
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.clearable_field import ClearableField
from app.gui.widgets.row_view import RowView
from app.gui.widgets.rows_model import Row, RowsModel
from app.gui.widgets.text_dialog import TextDialog

_TYPE = 2
_LONGEST_CELL = 300
TITLES = {
    "general.name": tr("Name"),
    "general.author": tr("Author"),
    "general.license": tr("License"),
    TEMPLATE_KEY: tr("Chat template"),
    SAMPLING_KEYS["temperature"]: tr("Temperature"),
    SAMPLING_KEYS["top_k"]: tr("Top-k"),
    SAMPLING_KEYS["top_p"]: tr("Top-p"),
    SAMPLING_KEYS["min_p"]: tr("Min-p"),
    SAMPLING_KEYS["repeat_penalty"]: tr("Repeat penalty"),
    SAMPLING_KEYS["penalty_last_n"]: tr("Tokens that the penalty covers"),
    SAMPLING_KEYS["xtc_probability"]: tr("XTC probability"),
    SAMPLING_KEYS["xtc_threshold"]: tr("XTC threshold"),
    SAMPLING_KEYS["mirostat"]: tr("Mirostat"),
    SAMPLING_KEYS["mirostat_tau"]: tr("Mirostat tau"),
    SAMPLING_KEYS["mirostat_eta"]: tr("Mirostat eta"),
}


class MetadataView(QWidget):
    """A table with a filter; entries that can be changed come first, even if they are absent.

    Signals:
        template_wanted: the user wants to change the chat template.
    """

    template_wanted = Signal()

    def __init__(
        self, theme: Theme, changes: PendingChanges, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._changes = changes
        self._contents: ModelContents | None = None
        self.filter = self.safe_control = ClearableField(tr("Filter entries"))
        headers = (tr("Entry"), tr("Value"), tr("Type"), tr("State"))
        self.rows = RowsModel(headers, parent=self)
        self.table = RowView(tr("Metadata"), self.rows, stretched=1)
        self.edit_button = Button(theme, tr("Edit…"), icon_name="pencil")
        self.remove_button = Button(theme, tr("Remove"), icon_name="trash")
        self.undo_button = Button(theme, tr("Undo"), icon_name="undo")
        self.show_button = Button(theme, tr("Show value"), "quiet", icon_name="eye")
        self._arrange()
        self.filter.textChanged.connect(self.rows.set_filter)
        self.table.selected.connect(self._show_buttons)
        self.table.used.connect(self._use)
        self.edit_button.clicked.connect(self._edit)
        self.remove_button.clicked.connect(self._remove)
        self.undo_button.clicked.connect(self._undo)
        self.show_button.clicked.connect(self._show_value)
        changes.changed.connect(self._show)

    def show_contents(self, contents: ModelContents) -> None:
        """Show the metadata of a model."""
        self._contents = contents
        self.filter.clear()
        self._show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the width of the types to the values when there is little."""
        super().resizeEvent(event)
        self.table.setColumnHidden(_TYPE, self.width() < SIZE.reading)

    def _show(self) -> None:
        if self._contents is not None:
            self.rows.show_rows(list(self._rows(self._contents)))
            self.table.fit_columns()
        self._show_buttons()

    def _rows(self, contents: ModelContents) -> Iterator[Row]:
        types = {entry.key: entry.type for entry in contents.metadata}
        others = [key for key in types if key not in EDITABLE_KEYS]
        for number, key in enumerate((*EDITABLE_KEYS, *others)):
            value = self._changes.value(key)
            cell = " ".join(value[:_LONGEST_CELL].split()) or "—"
            state = self._state(key, is_there=key in types)
            title = TITLES.get(key, "")
            tip = f"{title}\n{key}" if title else key
            cells = (key, cell, types.get(key, ""), state)
            yield Row(key, cells, (key, value, cells[2], number), (tip, value[:_LONGEST_CELL]))

    def _state(self, key: str, *, is_there: bool) -> str:
        if key in self._changes.values:
            is_removed = self._changes.values[key] is None
            return tr("Removed") if is_removed else tr("Changed") if is_there else tr("Added")
        return tr("Editable") if key in EDITABLE_KEYS else ""

    def _key(self) -> str:
        row = self.table.chosen()
        return row.key if row else ""

    def _show_buttons(self) -> None:
        key = self._key()
        value = self._changes.value(key)
        self.edit_button.setEnabled(key in EDITABLE_KEYS)
        self.remove_button.setEnabled(bool(value) and is_removable(key))
        self.undo_button.setEnabled(key in self._changes.values)
        self.show_button.setEnabled(bool(value))

    def _use(self) -> None:
        if self.edit_button.isEnabled():
            self._edit()
        elif self.show_button.isEnabled():
            self._show_value()

    def _edit(self) -> None:
        key = self._key()
        if key == TEMPLATE_KEY:
            self.template_wanted.emit()
            return
        dialog = ValueDialog(self._theme, TITLES[key], key, self._changes.value(key), self)
        dialog.entered.connect(self._changes.set_value)
        dialog.open()

    def _remove(self) -> None:
        key = self._key()
        if self._changes.stored(key):
            self._changes.set_value(key, None)
        else:
            self._changes.undo(key)

    def _undo(self) -> None:
        self._changes.undo(self._key())

    def _show_value(self) -> None:
        key = self._key()
        TextDialog(self._theme, key, self._changes.value(key), self).open()

    def _arrange(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACING.small)
        for button in (self.edit_button, self.remove_button, self.undo_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(self.show_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.medium)
        column.addWidget(self.filter)
        column.addWidget(self.table, 1)
        column.addLayout(buttons)
