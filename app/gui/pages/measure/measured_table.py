"""Table of a model's levels with their results, each to tick."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QTableWidgetItem, QWidget

from app.core.language import tr
from app.gui.levels.level_delegate import CELL_ROLE, LevelDelegate
from app.gui.pages.measure.level_cells import result_cells
from app.gui.pages.measure.measured_levels import MeasuredLevel
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING, WEIGHT_STRONG
from app.gui.widgets.item_table import ItemTable
from app.gui.widgets.plain_text import plain_tool_tip

_CHECKED = Qt.CheckState.Checked
_DIVERGENCE = 2
_FIGURES = (1, 2, 3, 4, 5)
_ROOMY = {1: 13, 2: 17, 3: 14, 4: 17, 5: 14, 6: 15}
_TIGHT = {1: 11, 2: 11, 3: 13, 4: 11, 5: 11, 6: 13}
"""Widths in units of a small space; the rest goes to the level."""
_SPACIOUS = 108
"""From this width on, in units, columns are roomy."""


class MeasuredTable(ItemTable):
    """Keeps the ticks while results come in.

    Signals:
        changed: the user ticked other levels.
    """

    changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        headers = [
            tr("Level"),
            tr("Size"),
            tr("KL divergence"),
            tr("Perplexity"),
            tr("Speed"),
            tr("Memory"),
            tr("Measured"),
        ]
        super().__init__(tr("Levels and results"), headers, figures=_FIGURES, parent=parent)
        self._headers = headers
        for column, words in enumerate(headers):
            self._set_header(column, plain_tool_tip(words), Qt.ItemDataRole.ToolTipRole)
        for column in _ROOMY:
            self.horizontalHeader().setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
        delegate = LevelDelegate(theme, self)
        self.setItemDelegate(delegate)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(delegate.row_height)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._levels: Sequence[MeasuredLevel] = ()
        self._ticked: set[str] = set()
        theme.changed.connect(self.viewport().update)
        self.itemChanged.connect(self._on_item_changed)
        self._fit_columns()

    def show_levels(self, levels: Sequence[MeasuredLevel], *, reference: str) -> None:
        """Show the levels in place of the last ones; `reference` is the path of one, or empty."""
        column, row = max(0, self.currentColumn()), self.currentRow()
        current = self._levels[row].model.path if 0 <= row < len(self._levels) else ""
        self._levels = levels
        with QSignalBlocker(self):
            while self.rowCount() > len(levels):
                self.removeRow(self.rowCount() - 1)
            while self.rowCount() < len(levels):
                self._add_empty_row()
            for number, level in enumerate(levels):
                self._fill(number, level, is_reference=level.model.path == reference)
            paths = [level.model.path for level in levels]
            if current in paths and self.currentRow() != paths.index(current):
                self.setCurrentCell(paths.index(current), column)
        self.viewport().update()
        self._fit_height()

    def tick(self, paths: Sequence[str]) -> None:
        """Tick these levels and no others, without emitting `changed`."""
        self._ticked = set(paths)
        with QSignalBlocker(self):
            for row, level in enumerate(self._levels):
                self._show_tick(row, level)

    def ticked(self) -> list[MeasuredLevel]:
        """Return the ticked levels, from the top."""
        return [level for level in self._levels if level.model.path in self._ticked]

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the columns to the width."""
        super().resizeEvent(event)
        self._fit_columns()

    def _add_empty_row(self) -> None:
        row = self.add_row([""] * self.columnCount())
        item = self._item(row, 0)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)

    def _fill(self, row: int, level: MeasuredLevel, *, is_reference: bool) -> None:
        for column, cell in enumerate(result_cells(level, is_reference=is_reference)):
            item = self._item(row, column)
            item.setData(CELL_ROLE, cell)
            item.setText(cell.text)
            item.setToolTip(plain_tool_tip(cell.tool_tip))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, cell.spoken)
        self._show_tick(row, level)

    def _show_tick(self, row: int, level: MeasuredLevel) -> None:
        is_ticked = level.model.path in self._ticked
        self._item(row, 0).setCheckState(_CHECKED if is_ticked else Qt.CheckState.Unchecked)

    def _fit_columns(self) -> None:
        is_roomy = self.viewport().width() // SPACING.small >= _SPACIOUS
        for column, units in (_ROOMY if is_roomy else _TIGHT).items():
            if self.columnWidth(column) != units * SPACING.small:
                self.setColumnWidth(column, units * SPACING.small)
            words = self._headers[column]
            if column == _DIVERGENCE and not is_roomy:
                words = tr("KL")
            self._set_header(column, self._elided(words, column), Qt.ItemDataRole.DisplayRole)

    def _elided(self, words: str, column: int) -> str:
        # Headers of fixed columns would be cut without an ellipsis.
        font = QFont(self.horizontalHeader().font())
        font.setWeight(QFont.Weight(WEIGHT_STRONG))
        room = self.columnWidth(column) - 2 * (SPACING.small + SIZE.item_margin)
        return QFontMetrics(font).elidedText(words, Qt.TextElideMode.ElideRight, room)

    def _set_header(self, column: int, words: str, role: Qt.ItemDataRole) -> None:
        self.model().setHeaderData(column, Qt.Orientation.Horizontal, words, role)

    def _fit_height(self) -> None:
        """Be as high as all rows, since the page scrolls, not the table."""
        rows = self.rowCount() * self.verticalHeader().defaultSectionSize()
        header = self.horizontalHeader().sizeHint().height()
        self.setFixedHeight(rows + header + 2 * self.frameWidth())

    def _item(self, row: int, column: int) -> QTableWidgetItem:
        item = self.item(row, column)
        if item is None:
            raise IndexError((row, column))
        return item

    def _on_item_changed(self, item: QTableWidgetItem) -> None:
        path = self._levels[item.row()].model.path
        if item.checkState() == _CHECKED:
            self._ticked.add(path)
        else:
            self._ticked.discard(path)
        self.changed.emit()
