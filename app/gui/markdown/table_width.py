"""Keep the words of a table whole: a table that is then too wide scrolls sideways."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import (
    QFont,
    QFontMetricsF,
    QTextDocument,
    QTextLength,
    QTextTable,
    QTextTableCell,
)

from app.gui.theme.tokens import SIZE, WEIGHT_STRONG

_WIDEST_WORD = SIZE.field
_VARIABLE = QTextLength(QTextLength.Type.VariableLength, 0)


@dataclass(frozen=True)
class TableWidths:
    """A table, and the width that the longest word in each of its columns needs."""

    table: QTextTable
    columns: tuple[float, ...]

    def fit(self, available: float) -> None:
        """Let the columns share the available width, or give each what its words need."""
        given = self.table.format().toTableFormat()
        if sum(self.columns) <= available:
            lengths = [_VARIABLE] * len(self.columns)
        else:
            lengths = [QTextLength(QTextLength.Type.FixedLength, one) for one in self.columns]
        if given.columnWidthConstraints() != lengths:
            given.setColumnWidthConstraints(lengths)
            self.table.setFormat(given)


def table_widths(document: QTextDocument) -> list[TableWidths]:
    """Return the tables of a document with the widths of their words."""
    strong = QFont(document.defaultFont())
    strong.setWeight(QFont.Weight(WEIGHT_STRONG))
    metrics = QFontMetricsF(strong)
    frames = document.rootFrame().childFrames()
    return [
        TableWidths(table, tuple(_column_widths(table, metrics)))
        for table in frames
        if isinstance(table, QTextTable)
    ]


def _column_widths(table: QTextTable, metrics: QFontMetricsF) -> list[float]:
    given = table.format().toTableFormat()
    beside = 2 * (given.cellPadding() + given.border())
    rows = range(table.rows())
    return [
        beside + max(_widest_word(table.cellAt(row, column), metrics) for row in rows)
        for column in range(table.columns())
    ]


def _widest_word(cell: QTextTableCell, metrics: QFontMetricsF) -> float:
    text = cell.firstCursorPosition().block().text()
    widths = (metrics.horizontalAdvance(word) for word in text.split())
    return min(max(widths, default=0.0), _WIDEST_WORD)
