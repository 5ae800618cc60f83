"""The levels with their exact sizes, one or several of them ticked."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHeaderView, QTableWidgetItem, QWidget

from app.core.events import LevelPlanned
from app.core.levels import LEVELS, SPECIAL_LEVELS, level_named
from app.core.sizes import format_bytes, format_gibibytes
from app.gui.theme.tokens import SIZE
from app.gui.widgets.item_table import ItemTable
from app.gui.widgets.plain_text import plain_tool_tip

_CHECKED = Qt.CheckState.Checked
_RANKS = {level.name: rank for rank, level in enumerate((*SPECIAL_LEVELS, *LEVELS))}
_SPECIAL = frozenset(level.name for level in SPECIAL_LEVELS)
_ROWS_SEEN = 6


class LevelTable(ItemTable):
    """Rows are put in, brought up to date and taken out in place: ticks and focus stay.

    Signals:
        changed: other levels are ticked, or their sizes are others.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", ("", "", "", "", ""), stretched=1, figures=(2, 3), parent=parent)
        self.setAccessibleName(self.tr("Levels"))
        self.setHorizontalHeaderLabels(
            [
                self.tr("Level"),
                self.tr("What it is"),
                self.tr("Bits per weight"),
                self.tr("Size"),
                "",
            ]
        )
        # A column that fits its contents forgets the room for the boxes.
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)
        self.setColumnWidth(0, SIZE.field * 3 // 5)
        # Where the window is narrow, what a level is takes two lines.
        self.verticalHeader().setMinimumSectionSize(SIZE.control)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.setMinimumHeight(SIZE.control * (_ROWS_SEEN + 1))
        self.planned: list[LevelPlanned] = []
        self._seen: set[str] = set()
        self._wanted: set[str] = set()
        self._is_first_look = True
        self._had_special = False
        self.itemChanged.connect(self._on_item_changed)

    def start(self, usual: str) -> None:
        """Begin anew; `usual` is the level that is ticked at first."""
        self.planned = []
        self._wanted = {usual}
        self._is_first_look = True
        self.setRowCount(0)
        self.expect_anew()

    def expect_anew(self) -> None:
        """Keep what is shown until it is brought up to date."""
        self._seen = set()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the rows to the new width."""
        super().resizeEvent(event)
        self.resizeRowsToContents()

    def finish(self) -> None:
        """Take out the levels that were not shown again, and show the ones that matter most."""
        for row in reversed(range(len(self.planned))):
            if self.planned[row].level not in self._seen:
                del self.planned[row]
                self.removeRow(row)
        self._scroll_to_what_matters()
        self.changed.emit()

    def show_level(self, planned: LevelPlanned) -> None:
        """Show a level at its place."""
        self._seen.add(planned.level)
        row = bisect_left(self.planned, _RANKS[planned.level], key=lambda old: _RANKS[old.level])
        self.blockSignals(True)
        if row < len(self.planned) and self.planned[row].level == planned.level:
            self.planned[row] = planned
        else:
            self.planned.insert(row, planned)
            self._add_empty_row(row, planned.level)
        self._fill(row, planned)
        self.blockSignals(False)
        self.changed.emit()

    def ticked(self) -> list[LevelPlanned]:
        """The levels that are ticked."""
        return [planned for planned in self.planned if planned.level in self._wanted]

    def _scroll_to_what_matters(self) -> None:
        """At first the usual level; later the special levels, when there are some suddenly."""
        has_special = bool(self.planned) and self.planned[0].level in _SPECIAL
        if self._is_first_look:
            for row, planned in enumerate(self.planned):
                if planned.level in self._wanted:
                    self.scrollToItem(self._cell(row, 0), self.ScrollHint.PositionAtCenter)
        elif has_special and not self._had_special:
            self.scrollToTop()
        self._is_first_look, self._had_special = False, has_special

    def _add_empty_row(self, row: int, level: str) -> None:
        self.add_row([""] * self.columnCount(), at=row)
        item = self._cell(row, 0)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(_CHECKED if level in self._wanted else Qt.CheckState.Unchecked)

    def _fill(self, row: int, planned: LevelPlanned) -> None:
        cells = (
            (planned.level, ""),
            (self.tr(level_named(planned.level).description), ""),
            (f"{planned.bits_per_weight:.2f}", ""),
            (format_bytes(planned.size_bytes), self._exactly(planned.size_bytes)),
            (self._presence(planned.target), planned.target),
        )
        for column, (text, tool_tip) in enumerate(cells):
            item = self._cell(row, column)
            item.setText(text)
            item.setToolTip(plain_tool_tip(tool_tip))

    def _cell(self, row: int, column: int) -> QTableWidgetItem:
        item = self.item(row, column)
        if item is None:
            raise IndexError((row, column))
        return item

    def _presence(self, target: str) -> str:
        return self.tr("there already") if Path(target).exists() else ""

    def _exactly(self, size_bytes: int) -> str:
        words = self.tr("exactly {bytes} bytes, {size}")
        words = words.replace("{bytes}", f"{size_bytes:,}")
        return words.replace("{size}", format_gibibytes(size_bytes))

    def _on_item_changed(self, item: QTableWidgetItem) -> None:
        level = self.planned[item.row()].level
        if item.checkState() == _CHECKED:
            self._wanted.add(level)
        else:
            self._wanted.discard(level)
        self.changed.emit()
