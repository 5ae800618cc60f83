"""Table of levels with their exact sizes and predictions."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from pathlib import Path

from PySide6.QtCore import QModelIndex, QRect, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QFocusEvent, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QTableWidgetItem, QWidget

from app.core.events import LevelPlanned
from app.core.language import tr
from app.core.levels import SPECIAL_LEVELS
from app.estimation.predictions import LevelPrediction
from app.gui.levels.level_delegate import CELL_ROLE, GROUP_ROLE, LevelDelegate
from app.gui.levels.level_order import group_of, sort_key
from app.gui.levels.level_words import Cell, level_cell, prediction_cells, size_cell
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.item_table import ItemTable
from app.gui.widgets.plain_text import plain_tool_tip

_BY_KEY = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)
_CHECKED = Qt.CheckState.Checked
_SPECIAL = frozenset(level.name for level in SPECIAL_LEVELS)
_MEMORY, _FIT, _SPEED, _QUALITY = 2, 3, 4, 5
_ROOMY = {0: 19, 1: 10, _MEMORY: 12, _FIT: 19, _SPEED: 14}
_TIGHT = {0: 17, 1: 10, _MEMORY: 11, _FIT: 19, _SPEED: 14}
_SMALL = {0: 18, 1: 10, _FIT: 18, _SPEED: 14}
"""Widths in units of a small space; the rest goes to the quality."""
_SPACIOUS, _NARROW = 101, 86
"""From this width on, in units, columns are roomy; below that one, there is none for the memory."""


class LevelTable(ItemTable):
    """Adds, updates and removes rows in place, so that ticks and focus stay.

    Signals:
        changed: the ticked levels or their sizes changed.
        row_wanted: the row to scroll to.
    """

    changed = Signal()
    row_wanted = Signal(int)
    # Qt asks for the geometry before `__init__` ends.
    _top = 0

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(
            "", [""] * 6, stretched=_QUALITY, figures=(1, _MEMORY, _SPEED), parent=parent
        )
        self.setAccessibleName(tr("Levels"))
        self.setHorizontalHeaderLabels(
            [
                tr("Level"),
                tr("Size"),
                tr("Memory"),
                tr("Fit"),
                tr("Speed"),
                tr("Quality"),
            ]
        )
        # Columns that fit their contents would be measured again at each move of a slider.
        for column, width in _ROOMY.items():
            self.horizontalHeader().setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            self.setColumnWidth(column, width * SPACING.small)
        delegate = LevelDelegate(theme, self)
        self.setItemDelegate(delegate)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(delegate.row_height)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for change in (self.model().rowsInserted, self.model().rowsRemoved):
            change.connect(self._fit_height)
        self.planned: list[LevelPlanned] = []
        self._rows: Mapping[str, LevelPrediction] = {}
        self._problem = ""
        self._recommended = ""
        self._there: set[str] = set()
        self._seen: set[str] = set()
        self._wanted: set[str] = set()
        self._wanted_of_many: set[str] | None = None
        self._is_chosen = False
        self._shows_predictions = True
        self._is_first_look = True
        self._had_special = False
        theme.changed.connect(self.viewport().update)
        self.itemChanged.connect(self._on_item_changed)
        self.currentCellChanged.connect(lambda row, *_: self.row_wanted.emit(row))

    @property
    def is_chosen(self) -> bool:
        """True if the user, not a recommendation, has ticked levels, or unticked all."""
        return self._is_chosen

    def remove_levels(self) -> None:
        """Remove all rows and ticks."""
        self.planned = []
        self._rows, self._problem, self._recommended = {}, "", ""
        self._wanted, self._wanted_of_many = set(), None
        self._is_chosen = False
        self._is_first_look = True
        self.setRowCount(0)
        self.mark_outdated()

    def place_of_row(self, row: int) -> QRect:
        """Return the place of a row and its neighbors."""
        place = self.visualRect(self.model().index(row, 0))
        place.moveTopLeft(self.viewport().mapToParent(place.topLeft()))
        return place.adjusted(0, -place.height(), 0, place.height())

    def pin_header(self, top: int) -> None:
        """Keep the header in view while the rows scroll below it.

        Args:
            top: the upper end of what is visible of the table.
        """
        self._top = top
        self._place_header()

    def updateGeometries(self) -> None:
        """Keep the header where it is pinned."""
        super().updateGeometries()
        self._place_header()

    def set_predictions_visible(self, is_visible: bool) -> None:  # noqa: FBT001 - a property's value
        """Show or hide predictions, as the kind of source allows."""
        self._shows_predictions = is_visible
        self._fit_columns()

    def mark_outdated(self) -> None:
        """Keep the rows until they are updated."""
        self._seen = set()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show as many columns as fit."""
        super().resizeEvent(event)
        self._fit_columns()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Bring the row that the keyboard reaches into view, at first the ticked one."""
        is_first = self.currentRow() < 0
        super().focusInEvent(event)
        if event.reason() not in _BY_KEY:
            return
        if is_first and (ticked := self._ticked_rows()):
            self.setCurrentCell(ticked[0], 0)
        self.row_wanted.emit(self.currentRow())

    def reveal_ticked(self) -> None:
        """Ask to scroll to the last ticked row."""
        for row in self._ticked_rows():
            self.row_wanted.emit(row)

    def finish(self) -> None:
        """Remove the levels that were not shown again, and scroll to the most relevant ones.

        Where there is nothing to choose, the only level is ticked, until there are others again.
        """
        for row in reversed(range(len(self.planned))):
            if self.planned[row].level not in self._seen:
                del self.planned[row]
                self.removeRow(row)
        self._tick_only_level()
        self._reveal_what_is_new()
        self.changed.emit()

    def show_level(self, planned: LevelPlanned) -> None:
        """Add or update a level in its place."""
        self._seen.add(planned.level)
        # Looked up here, not at each move of a slider, because a disk can be slow.
        if planned.target and Path(planned.target).exists():
            self._there.add(planned.level)
        else:
            self._there.discard(planned.level)
        with QSignalBlocker(self):
            self._place(planned)
        self._fill()
        self.changed.emit()

    def show_predictions(
        self, rows: Iterable[LevelPrediction], *, recommended: str = "", problem: str = ""
    ) -> None:
        """Show predictions of the levels, or the problem that prevents them."""
        self._rows = {row.profile.level: row for row in rows}
        self._recommended, self._problem = recommended, problem
        self._fit_columns()
        self._fill()

    def preselect(self, level: str) -> None:
        """Tick only this level, unless the user has ticked something."""
        if self._is_chosen or not level or self._wanted == {level}:
            return
        self._wanted = {level}
        self._tick_wanted()
        self.reveal_ticked()
        self.changed.emit()

    def tick_only(self, levels: Iterable[str]) -> None:
        """Tick these levels, perhaps none, as if the user had."""
        self._is_chosen = True
        self._wanted = set(levels)
        self._tick_wanted()
        self.changed.emit()

    def ticked(self) -> list[LevelPlanned]:
        """Return the ticked levels."""
        return [planned for planned in self.planned if planned.level in self._wanted]

    def cell(self, row: int, column: int) -> Cell:
        """Return the contents of a cell."""
        cell = self._item(row, column).data(CELL_ROLE)
        return cell if isinstance(cell, Cell) else Cell()

    def _ticked_rows(self) -> list[int]:
        return [row for row, one in enumerate(self.planned) if one.level in self._wanted]

    def _reveal_what_is_new(self) -> None:
        """Scroll to the ticked levels at first, and to special levels as soon as there are any."""
        has_special = any(planned.level in _SPECIAL for planned in self.planned)
        if self._is_first_look:
            self.reveal_ticked()
        elif has_special and not self._had_special:
            self.row_wanted.emit(0)
        self._is_first_look, self._had_special = False, has_special

    def _place(self, planned: LevelPlanned) -> None:
        """Put a level where its bits and size belong; a row that stays there keeps its focus."""
        names = [one.level for one in self.planned]
        old = names.index(planned.level) if planned.level in names else None
        others = [one for one in self.planned if one.level != planned.level]
        row = bisect_left(others, sort_key(planned), key=sort_key)
        if old == row:
            self.planned[row] = planned
            return
        column = self.currentColumn()
        is_current = old is not None and self.currentRow() == old
        if old is not None:
            self.removeRow(old)
        self.planned = [*others[:row], planned, *others[row:]]
        self._add_empty_row(row, planned.level)
        if is_current:
            self.setCurrentCell(row, column)

    def _add_empty_row(self, row: int, level: str) -> None:
        self.add_row([""] * self.columnCount(), at=row)
        item = self._item(row, 0)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        self._tick(row, level)

    def _tick_only_level(self) -> None:
        if len(self.planned) == 1 and not self.ticked():
            self._wanted_of_many, self._wanted = self._wanted, {self.planned[0].level}
        elif len(self.planned) > 1 and self._wanted_of_many is not None:
            self._wanted, self._wanted_of_many = self._wanted_of_many, None
        else:
            return
        self._tick_wanted()

    def _tick_wanted(self) -> None:
        with QSignalBlocker(self):
            for row, planned in enumerate(self.planned):
                self._tick(row, planned.level)

    def _tick(self, row: int, level: str) -> None:
        is_wanted = level in self._wanted
        self._item(row, 0).setCheckState(_CHECKED if is_wanted else Qt.CheckState.Unchecked)

    def _fill(self) -> None:
        """Update all cells, and notify the view once at the end."""
        if not self.planned:
            return
        largest = max(planned.size_bytes for planned in self.planned)
        with QSignalBlocker(self.model()):
            for row, planned in enumerate(self.planned):
                prediction = self._rows.get(planned.level)
                cells = (
                    level_cell(
                        planned,
                        is_recommended=planned.level == self._recommended,
                        file_exists=planned.level in self._there,
                    ),
                    size_cell(planned, largest),
                    *prediction_cells(planned, prediction, self._problem),
                )
                for column, cell in enumerate(cells):
                    self._put(row, column, cell)
                begins = row > 0 and group_of(planned) != group_of(self.planned[row - 1])
                self._item(row, 0).setData(GROUP_ROLE, begins)
        with QSignalBlocker(self):
            first, last = self.model().index(0, 0), self._last_index()
            self.model().dataChanged.emit(first, last)

    def _put(self, row: int, column: int, cell: Cell) -> None:
        item = self._item(row, column)
        if item.data(CELL_ROLE) == cell:
            return
        item.setData(CELL_ROLE, cell)
        item.setText(cell.text)
        item.setToolTip(plain_tool_tip(cell.tool_tip))
        item.setData(Qt.ItemDataRole.AccessibleTextRole, cell.spoken)

    def _last_index(self) -> QModelIndex:
        return self.model().index(self.rowCount() - 1, self.columnCount() - 1)

    def _fit_columns(self) -> None:
        """Hide the memory if the window is narrow, and the speed while it is unknown."""
        has_speed = any(row.speed or row.speed_problem for row in self._rows.values())
        width = self.viewport().width() // SPACING.small
        shown = {
            _MEMORY: self._shows_predictions and width >= _NARROW,
            _SPEED: self._shows_predictions and has_speed,
            _FIT: self._shows_predictions,
        }
        for column, is_shown in shown.items():
            if self.isColumnHidden(column) is is_shown:
                self.setColumnHidden(column, not is_shown)
        roomy = _ROOMY if width >= _SPACIOUS else _TIGHT
        for column, units in (roomy if width >= _NARROW else _SMALL).items():
            if self.columnWidth(column) not in {0, units * SPACING.small}:
                self.setColumnWidth(column, units * SPACING.small)

    def _place_header(self) -> None:
        header = self.horizontalHeader()
        usual = self.viewport().y() - header.height()
        lowest = max(usual, self.height() - 2 * header.height())
        header.move(header.x(), min(max(usual, self._top), lowest))
        header.raise_()

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
        level = self.planned[item.row()].level
        self._is_chosen = True
        if item.checkState() == _CHECKED:
            self._wanted.add(level)
        else:
            self._wanted.discard(level)
        self.changed.emit()
