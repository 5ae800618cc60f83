"""Table of rows to choose from, with figures aligned to the right."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from app.gui.theme.fonts import text_font
from app.gui.widgets.plain_text import plain_tool_tip
from app.gui.widgets.row_look import RowLook

_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class ItemTable(QTableWidget):
    """A read-only table that selects whole rows.

    Args:
        name: the accessible name.
        headers: the columns' names.
        stretched: the column that takes the remaining width.
        figures: the columns of figures, aligned to the right with digits of one width.
    """

    def __init__(
        self,
        name: str,
        headers: Sequence[str],
        *,
        stretched: int = 0,
        figures: Sequence[int] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(0, len(headers), parent)
        self.setAccessibleName(name)
        self._figures = frozenset(figures)
        for column, text in enumerate(headers):
            header = QTableWidgetItem(text)
            header.setTextAlignment(self._alignment(column))
            self.setHorizontalHeaderItem(column, header)
            mode = QHeaderView.ResizeMode.ResizeToContents
            self.horizontalHeader().setSectionResizeMode(column, mode)
        self.horizontalHeader().setSectionResizeMode(stretched, QHeaderView.ResizeMode.Stretch)
        self.horizontalHeader().setHighlightSections(False)
        self.look = RowLook(self)
        self.currentCellChanged.connect(lambda *_: self.viewport().update())

    def add_row(
        self, cells: Sequence[str], tool_tips: Sequence[str] = (), *, at: int | None = None
    ) -> int:
        """Add a row of literal texts and return its index; `tool_tips` go with the cells.

        It goes below the others, or to the index `at`.
        """
        row = self.rowCount() if at is None else at
        self.insertRow(row)
        for column, text in enumerate(cells):
            item = QTableWidgetItem(text)
            item.setTextAlignment(self._alignment(column))
            if column in self._figures:
                item.setFont(text_font("body", tabular=True))
            if column < len(tool_tips):
                item.setToolTip(plain_tool_tip(tool_tips[column]))
            self.setItem(row, column, item)
        return row

    def paintEvent(self, event: QPaintEvent) -> None:
        """Mark the selected row, and put the focus ring around the whole row."""
        super().paintEvent(event)
        self.look.paint_marks()

    def _alignment(self, column: int) -> Qt.AlignmentFlag:
        return _RIGHT if column in self._figures else _LEFT
