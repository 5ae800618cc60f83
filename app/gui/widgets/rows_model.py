"""Rows of text that are filtered and sorted here, fast enough for tens of thousands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.gui.theme.fonts import text_font
from app.gui.widgets.plain_text import plain_tool_tip

_Index = QModelIndex | QPersistentModelIndex
_Role = Qt.ItemDataRole
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_MARKS = (" ↑", " ↓")
_NOWHERE = QModelIndex()


@dataclass(frozen=True)
class Row:
    """A row: its cells, what each is sorted by, and the text that the filter searches.

    `tips` are the tool tips of the first columns, `key` tells the row apart from the others.
    """

    key: str
    cells: tuple[str, ...]
    ranks: tuple[str | int, ...]
    tips: tuple[str, ...] = ()

    @property
    def searched(self) -> str:
        """The text that the filter searches."""
        return " ".join(self.cells).casefold()


class RowsModel(QAbstractTableModel):
    """Shows the rows that contain all words of a filter, in the order of one column.

    Args:
        headers: the columns' names.
        figures: the columns of figures, aligned to the right with digits of one width.
    """

    def __init__(
        self, headers: Sequence[str], figures: Sequence[int] = (), parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.headers = tuple(headers)
        self._figures = frozenset(figures)
        self._font = text_font("body", tabular=True)
        self._rows: Sequence[Row] = ()
        self._filter = ""
        self._sorting: tuple[int, bool] | None = None
        self.shown: Sequence[Row] = ()

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Replace all rows."""
        self._rows = rows
        self._arrange()

    def set_filter(self, text: str) -> None:
        """Show only rows that contain every word of a text, in any case."""
        self._filter = text.casefold()
        self._arrange()

    def sort_by(self, column: int) -> None:
        """Sort by a column; a second time in reverse, a third time not at all."""
        following = {(column, False): (column, True), (column, True): None}
        self._sorting = following.get(self._sorting or (-1, False), (column, False))
        self._arrange()
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(self.headers) - 1)

    def rowCount(self, parent: _Index = _NOWHERE) -> int:
        """Return the number of rows that pass the filter."""
        return 0 if parent.isValid() else len(self.shown)

    def columnCount(self, parent: _Index = _NOWHERE) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(self.headers)

    def data(self, index: _Index, role: int = _Role.DisplayRole) -> object:
        """Return the text, tool tip, alignment or font of a cell."""
        row, column = self.shown[index.row()], index.column()
        match role:
            case _Role.DisplayRole:
                return row.cells[column]
            case _Role.ToolTipRole:
                return plain_tool_tip(row.tips[column]) if column < len(row.tips) else None
            case _Role.TextAlignmentRole:
                return _RIGHT if column in self._figures else _LEFT
            case _Role.FontRole:
                return self._font if column in self._figures else None
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = _Role.DisplayRole
    ) -> object:
        """Return the name of a column, with a mark if the rows are sorted by it."""
        if orientation is Qt.Orientation.Vertical:
            return None
        if role == _Role.TextAlignmentRole:
            return _RIGHT if section in self._figures else _LEFT
        if role != _Role.DisplayRole:
            return None
        is_sorted = self._sorting is not None and self._sorting[0] == section
        mark = _MARKS[self._sorting[1]] if self._sorting and is_sorted else ""
        return self.headers[section] + mark

    def _arrange(self) -> None:
        self.beginResetModel()
        words = self._filter.split()
        shown = [row for row in self._rows if all(word in row.searched for word in words)]
        if self._sorting is not None:
            column, is_reverse = self._sorting
            shown.sort(key=lambda row: row.ranks[column], reverse=is_reverse)
        self.shown = shown
        self.endResetModel()
