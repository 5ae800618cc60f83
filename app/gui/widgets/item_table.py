"""Table of rows to choose from, with figures aligned to the right."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from app.gui.theme.fonts import text_font
from app.gui.theme.tokens import SIZE
from app.gui.widgets.plain_text import plain_tool_tip

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
        self.hovered_row = -1
        for column, text in enumerate(headers):
            header = QTableWidgetItem(text)
            header.setTextAlignment(self._alignment(column))
            self.setHorizontalHeaderItem(column, header)
            mode = QHeaderView.ResizeMode.ResizeToContents
            self.horizontalHeader().setSectionResizeMode(column, mode)
        self.horizontalHeader().setSectionResizeMode(stretched, QHeaderView.ResizeMode.Stretch)
        self.horizontalHeader().setHighlightSections(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(SIZE.control)
        self.setShowGrid(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)
        self.setItemDelegate(RowDelegate(self))
        self.entered.connect(lambda index: self._hover(index.row()))
        self.viewportEntered.connect(lambda: self._hover(-1))
        self.ensurePolished()
        self.currentCellChanged.connect(lambda *_: self.viewport().update())

    def leaveEvent(self, event: QEvent) -> None:
        """Draw no row as hovered."""
        super().leaveEvent(event)
        self._hover(-1)

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
        row = self.currentRow()
        if row < 0:
            return
        top, height = self.rowViewportPosition(row), self.rowHeight(row)
        painter = QPainter(self.viewport())
        accent = self.palette().accent()
        if self.selectionModel().isRowSelected(row, QModelIndex()):
            painter.fillRect(QRect(0, top, SIZE.mark, height), accent)
        if self.hasFocus() and self.property("ring"):
            line, inset = SIZE.focus, SIZE.focus // 2
            corners = Qt.PenJoinStyle.MiterJoin
            painter.setPen(QPen(accent, line, Qt.PenStyle.SolidLine, j=corners))
            width = self.viewport().width()
            painter.drawRect(QRect(inset, top + inset, width - line, height - line))

    def _hover(self, row: int) -> None:
        if row != self.hovered_row:
            self.hovered_row = row
            self.viewport().update()

    def _alignment(self, column: int) -> Qt.AlignmentFlag:
        return _RIGHT if column in self._figures else _LEFT


class RowDelegate(QStyledItemDelegate):
    """Draws all cells of the row under the pointer as hovered."""

    def __init__(self, table: ItemTable) -> None:
        super().__init__(table)
        self._table = table

    def initStyleOption(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Treat every cell of the row under the pointer as hovered."""
        super().initStyleOption(option, index)
        if index.row() == self._table.hovered_row:
            option.state |= QStyle.StateFlag.State_MouseOver
        else:
            option.state &= ~QStyle.StateFlag.State_MouseOver
