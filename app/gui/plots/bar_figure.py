"""Bars below each other, with labels at the left and values at the right."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from app.gui.plots.figure import Figure, Target
from app.gui.plots.plot_ink import (
    LegendEntry,
    draw_legend,
    draw_mark,
    legend_of,
    line_height,
    mark_color,
    width_of,
    write,
)
from app.gui.plots.plotted_values import MarkWords, PlotBar
from app.gui.theme.tokens import SIZE, SPACING, Colors

_ROW = float(SIZE.compact)
_MOST_LABEL = 0.45
"""The largest part of the width that labels take."""


class BarFigure(Figure):
    """All values are zero or above; there is at least one bar.

    Args:
        name: what the plot shows.
        title: the quantity and its unit.
        bars: the bars, from the top.
        words: the legend.
    """

    def __init__(self, name: str, title: str, bars: Sequence[PlotBar], words: MarkWords) -> None:
        super().__init__(name)
        self._title = title
        self.bars = tuple(bars)
        self._words = words
        self._largest = max(bar.value for bar in bars) or 1.0
        self._has_marked = any(bar.is_marked for bar in bars)

    def height_for(self, width: float) -> float:
        """Return the height of all rows below the legend and the title."""
        return self._top(width) + len(self.bars) * _ROW

    def targets(self, size: QSizeF) -> list[Target]:
        """Return the rows from the top."""
        return [
            Target(row, bar.words) for row, bar in zip(self._rows(size), self.bars, strict=True)
        ]

    def draw(self, painter: QPainter, size: QSizeF, colors: Colors) -> None:
        """Draw it from the origin on."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        draw_legend(painter, self._legend(size.width()), colors)
        top = self._top(size.width())
        place = QRectF(0, top - line_height() - SPACING.tiny, size.width(), line_height())
        write(painter, place, self._title, colors.muted)
        label_width = self._label_width(size.width())
        for row, bar in zip(self._rows(size), self.bars, strict=True):
            self._draw_row(painter, row, bar, label_width, colors)
        painter.setPen(QPen(QColor(colors.outline), SIZE.hairline))
        painter.drawLine(QPointF(label_width, top), QPointF(label_width, size.height()))

    def _draw_row(
        self, painter: QPainter, row: QRectF, bar: PlotBar, label_width: float, colors: Colors
    ) -> None:
        label = QRectF(0, row.top(), label_width - SPACING.small, row.height())
        if self._has_marked:
            if bar.is_marked:
                center = QPointF(SIZE.swatch, row.center().y())
                draw_mark(painter, center, colors, is_marked=True)
            label.setLeft(_MARK_ROOM)
        write(painter, label, bar.label, colors.ink)
        figures = max(width_of(one.figure) for one in self.bars) + SPACING.small
        room = max(0.0, row.width() - label_width - figures)
        length = max(float(SIZE.focus), room * bar.value / self._largest)
        height = row.height() - 2 * SPACING.tiny
        shape = QRectF(label_width, row.top() + SPACING.tiny, length, height)
        painter.fillRect(shape, QColor(mark_color(colors, is_marked=bar.is_marked)))
        beside = QRectF(shape.right() + SPACING.small, row.top(), figures, row.height())
        write(painter, beside, bar.figure, colors.ink, Qt.AlignmentFlag.AlignLeft)

    def _rows(self, size: QSizeF) -> list[QRectF]:
        top = self._top(size.width())
        return [
            QRectF(0, top + number * _ROW, size.width(), _ROW) for number in range(len(self.bars))
        ]

    def _label_width(self, width: float) -> float:
        longest = max(width_of(bar.label) for bar in self.bars) + SPACING.small
        return min(_MOST_LABEL * width, longest + (_MARK_ROOM if self._has_marked else 0))

    def _legend(self, width: float) -> list[LegendEntry]:
        # Bars without a mark need no explanation.
        return legend_of(self._words, width, has_usual=False, has_marked=self._has_marked)

    def _top(self, width: float) -> float:
        legend = self._legend(width)
        above = legend[-1].place.bottom() + SPACING.small if legend else 0.0
        return above + line_height() + SPACING.tiny


_MARK_ROOM = 2.0 * SIZE.swatch
"""The room of a mark before a label."""
