"""Draw the cells of the levels: a line, and below it a smaller one or a bar."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem

from app.gui.levels.level_words import Bar, BarKind, Cell, CellTone, ends
from app.gui.theme.fonts import text_font
from app.gui.theme.icons import icon
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.item_table import ItemTable
from app.gui.widgets.row_look import RowDelegate

CELL_ROLE = Qt.ItemDataRole.UserRole
GROUP_ROLE = Qt.ItemDataRole.UserRole + 1
"""In the first column: whether a group of rows begins here."""
_Index = QModelIndex | QPersistentModelIndex
_CHECK_BOX = QStyle.SubElement.SE_ItemViewItemCheckIndicator
_MARGIN = SPACING.small + SIZE.item_margin
"""The space beside the text, as in the header."""


class LevelDelegate(RowDelegate):
    """Draws the `Cell` of each item, aligned as the item is."""

    def __init__(self, theme: Theme, table: ItemTable) -> None:
        super().__init__(table.look)
        self._theme = theme
        self._fonts = {
            is_small: text_font("caption" if is_small else "body", tabular=True)
            for is_small in (False, True)
        }
        self._metrics = {key: QFontMetrics(font) for key, font in self._fonts.items()}
        self._widths: dict[str, int] = {}

    @property
    def row_height(self) -> int:
        """The height of both lines."""
        return sum(metrics.height() for metrics in self._metrics.values()) + 2 * SPACING.small

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        """Return the size of both lines."""
        return QSize(super().sizeHint(option, index).width(), self.row_height)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Let the style draw the background and the checkbox, and draw the cell on top."""
        styled = QStyleOptionViewItem(option)
        self.initStyleOption(styled, index)
        widget = styled.widget
        place = _place_of_text(styled)
        styled.text = ""
        widget.style().drawControl(QStyle.ControlElement.CE_ItemViewItem, styled, painter, widget)
        if index.sibling(index.row(), 0).data(GROUP_ROLE):
            top = QRect(styled.rect.topLeft(), QSize(styled.rect.width(), SIZE.hairline))
            painter.fillRect(top, QColor(self._theme.colors.outline))
        cell = index.data(CELL_ROLE)
        if isinstance(cell, Cell):
            self._draw(painter, place, cell, styled, index)

    def _draw(
        self,
        painter: QPainter,
        place: QRect,
        cell: Cell,
        styled: QStyleOptionViewItem,
        index: _Index,
    ) -> None:
        first, second = self._lines(styled.rect, place, has_second=bool(cell.caption or cell.bar))
        painter.save()
        first = self._draw_icon(painter, first, cell, styled)
        # For legibility, only the mark beside the text has the color of the verdict.
        tone: CellTone = "muted" if cell.tone == "muted" else "plain"
        self._write(painter, first, cell.text, tone, styled, is_small=False)
        if cell.bar is not None:
            self._draw_bar(painter, second, cell.bar, styled.direction)
        else:
            is_short = bool(cell.short) and self._widest_caption(index) > second.width()
            caption = cell.short if is_short else cell.caption
            self._write(painter, second, caption, cell.caption_tone, styled, is_small=True)
        painter.restore()

    def _widest_caption(self, index: _Index) -> int:
        """Return the width of the widest caption in a column that could also be shorter."""
        rows = range(index.model().rowCount())
        cells = (index.sibling(row, index.column()).data(CELL_ROLE) for row in rows)
        captions = {cell.caption for cell in cells if isinstance(cell, Cell) and cell.short}
        return max(map(self._width_of_caption, captions), default=0)

    def _width_of_caption(self, caption: str) -> int:
        # Measured once, as each row that is drawn asks for all of them.
        if caption not in self._widths:
            self._widths[caption] = self._metrics[True].horizontalAdvance(caption)
        return self._widths[caption]

    def _lines(self, row: QRect, place: QRect, *, has_second: bool) -> tuple[QRect, QRect]:
        heights = [self._metrics[is_small].height() for is_small in (False, True)]
        taken = sum(heights) if has_second else heights[0]
        top = row.top() + (row.height() - taken) // 2
        first = QRect(place.left(), top, place.width(), heights[0])
        return first, QRect(place.left(), top + heights[0], place.width(), heights[1])

    def _draw_icon(
        self, painter: QPainter, line: QRect, cell: Cell, styled: QStyleOptionViewItem
    ) -> QRect:
        """Draw the mark before the text, and return the remaining area."""
        if cell.icon is None:
            return line
        side = SIZE.small_icon
        square = QRect(line.left(), line.top() + (line.height() - side) // 2, side, side)
        square = QStyle.visualRect(styled.direction, line, square)
        colors = self._theme.colors
        icon(cell.icon, colors, self._color(cell.tone)).paint(painter, square)
        rest = line.adjusted(side + SPACING.tiny, 0, 0, 0)
        return QStyle.visualRect(styled.direction, line, rest)

    def _write(
        self,
        painter: QPainter,
        line: QRect,
        text: str,
        tone: CellTone,
        styled: QStyleOptionViewItem,
        *,
        is_small: bool,
    ) -> None:
        painter.setFont(self._fonts[is_small])
        painter.setPen(QColor(self._color(tone)))
        elide = Qt.TextElideMode.ElideRight
        shown = self._metrics[is_small].elidedText(text, elide, line.width())
        alignment = QStyle.visualAlignment(styled.direction, styled.displayAlignment)
        painter.drawText(line, alignment, shown)

    def _draw_bar(
        self, painter: QPainter, line: QRect, bar: Bar, direction: Qt.LayoutDirection
    ) -> None:
        colors = self._theme.colors
        height = SIZE.bar
        track = QRect(line.left(), line.center().y() - height // 2, line.width(), height)
        painter.fillRect(track, QColor(colors.pressed))
        for kind, begin, end in ends(bar):
            left, right = (round(stop * track.width()) for stop in (begin, min(end, 1.0)))
            part = QRect(track.left() + left, track.top(), right - left, height)
            color = QColor(self._bar_color(kind))
            painter.fillRect(QStyle.visualRect(direction, track, part), color)
        for mark in bar.marks:
            x = min(track.left() + round(mark * track.width()), track.right())
            rule = QRect(x, track.top() - SIZE.focus, SIZE.hairline, height + 2 * SIZE.focus)
            painter.fillRect(QStyle.visualRect(direction, track, rule), QColor(colors.ink))

    def _bar_color(self, kind: BarKind) -> str:
        memory = self._theme.colors.memory
        by_kind = {"weights": memory.weights, "kv": memory.kv, "compute": memory.compute}
        return by_kind.get(kind, self._theme.colors.edge)

    def _color(self, tone: CellTone) -> str:
        colors = self._theme.colors
        return {
            "plain": colors.ink,
            "muted": colors.muted,
            "accent": colors.accent,
            "success": colors.success,
            "warning": colors.warning,
            "danger": colors.danger,
        }[tone]


def _place_of_text(styled: QStyleOptionViewItem) -> QRect:
    """Return where the text goes: below the header's, and a small space from a checkbox."""
    place = styled.rect.adjusted(_MARGIN, 0, -_MARGIN, 0)
    if not styled.features & QStyleOptionViewItem.ViewItemFeature.HasCheckIndicator:
        return place
    box = styled.widget.style().subElementRect(_CHECK_BOX, styled, styled.widget)
    if styled.direction == Qt.LayoutDirection.RightToLeft:
        place.setRight(box.left() - 1 - SPACING.small)
    else:
        place.setLeft(box.right() + 1 + SPACING.small)
    return place
