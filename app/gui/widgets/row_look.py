"""The look of tables whose rows can be chosen."""

from __future__ import annotations

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    Qt,
)
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from app.gui.theme.tokens import SIZE


class RowLook(QObject):
    """Makes a table read-only, lets it choose whole rows, and marks the hovered and chosen ones.

    The table must call `paint_marks` at the end of its `paintEvent`.
    """

    def __init__(self, table: QTableView) -> None:
        super().__init__(table)
        self._table = table
        self.hovered_row = -1
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(SIZE.control)
        table.setShowGrid(False)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setTabKeyNavigation(False)
        table.setMouseTracking(True)
        table.setItemDelegate(RowDelegate(self))
        table.entered.connect(lambda index: self._hover(index.row()))
        table.viewportEntered.connect(lambda: self._hover(-1))
        for change in (table.model().rowsInserted, table.model().rowsRemoved):
            change.connect(self.follow_rows)
        self.follow_rows()
        table.installEventFilter(self)
        table.ensurePolished()

    def eventFilter(self, _: QObject, event: QEvent) -> bool:
        """Draw no row as hovered when the pointer leaves."""
        if event.type() == QEvent.Type.Leave:
            self._hover(-1)
        return False

    def paint_marks(self) -> None:
        """Mark the selected row, and put the focus ring around the whole row."""
        table, row = self._table, self._table.currentIndex().row()
        if row < 0:
            return
        top, height = table.rowViewportPosition(row), table.rowHeight(row)
        painter = QPainter(table.viewport())
        accent = table.palette().accent()
        if table.selectionModel().isRowSelected(row, QModelIndex()):
            painter.fillRect(QRect(0, top, SIZE.mark, height), accent)
        if table.hasFocus() and table.property("ring"):
            line, inset = SIZE.focus, SIZE.focus // 2
            corners = Qt.PenJoinStyle.MiterJoin
            painter.setPen(QPen(accent, line, Qt.PenStyle.SolidLine, j=corners))
            width = table.viewport().width()
            painter.drawRect(QRect(inset, top + inset, width - line, height - line))

    def follow_rows(self) -> None:
        """Let Tab skip the table while it is empty, without a row for the focus ring.

        Call it when the model is reset; it follows rows that come and go.
        """
        strong, none = Qt.FocusPolicy.StrongFocus, Qt.FocusPolicy.NoFocus
        self._table.setFocusPolicy(strong if self._table.model().rowCount() else none)

    def _hover(self, row: int) -> None:
        if row != self.hovered_row:
            self.hovered_row = row
            self._table.viewport().update()


class RowDelegate(QStyledItemDelegate):
    """Draws all cells of the row under the pointer as hovered."""

    def __init__(self, look: RowLook) -> None:
        super().__init__(look)
        self._look = look

    def initStyleOption(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Treat every cell of the row under the pointer as hovered."""
        super().initStyleOption(option, index)
        if index.row() == self._look.hovered_row:
            option.state |= QStyle.StateFlag.State_MouseOver
        else:
            option.state &= ~QStyle.StateFlag.State_MouseOver
