"""Table of any number of rows to choose from, for a `RowsModel`."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QPaintEvent
from PySide6.QtWidgets import QHeaderView, QTableView, QWidget

from app.gui.theme.tokens import SIZE
from app.gui.widgets.enter_key import is_enter
from app.gui.widgets.row_look import RowLook
from app.gui.widgets.rows_model import Row, RowsModel

_MARK = " ↓"


class RowView(QTableView):
    """Shows the rows; a click on a header sorts by that column.

    Args:
        name: the accessible name.
        model: the rows.
        stretched: the column that takes the remaining width.

    Signals:
        selected: another row is the current one, or none.
        used: the user pressed Enter on a row, or clicked it twice.
    """

    selected = Signal()
    used = Signal()

    def __init__(
        self, name: str, model: RowsModel, *, stretched: int = 0, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._model = model
        self._stretched = stretched
        self._key = ""
        self.setModel(model)
        self.look = RowLook(self)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(stretched, QHeaderView.ResizeMode.Stretch)
        header.sectionClicked.connect(model.sort_by)
        model.modelReset.connect(self.look.follow_rows)
        model.modelReset.connect(self._on_reset)
        self.selectionModel().currentRowChanged.connect(self._on_selected)
        self.doubleClicked.connect(lambda _: self.used.emit())

    def chosen(self) -> Row | None:
        """Return the selected row, if any."""
        row = self.currentIndex().row()
        return self._model.shown[row] if 0 <= row < len(self._model.shown) else None

    def fit_columns(self, widest: int = SIZE.side) -> None:
        """Make the columns as wide as their longest texts, within a bound."""
        header, words = self.horizontalHeader(), self.fontMetrics()
        mark = header.fontMetrics().horizontalAdvance(_MARK)
        for column in set(range(self._model.columnCount())) - {self._stretched}:
            width = header.sectionSizeHint(column) + mark
            rows = {row.cells[column]: number for number, row in enumerate(self._model.shown)}
            if rows:
                longest = self._model.index(rows[max(rows, key=words.horizontalAdvance)], column)
                width = max(width, self.sizeHintForIndex(longest).width())
            self.setColumnWidth(column, min(width, widest))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Use the row when Enter is pressed."""
        if is_enter(event):
            self.used.emit()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Mark the selected row."""
        super().paintEvent(event)
        self.look.paint_marks()

    def _on_reset(self) -> None:
        keys = [row.key for row in self._model.shown]
        if keys:
            self.selectRow(keys.index(self._key) if self._key in keys else 0)
        self.selected.emit()

    def _on_selected(self) -> None:
        if (row := self.chosen()) is not None:
            self._key = row.key
        self.viewport().update()
        self.selected.emit()
