"""Rows of the list of models: the loaded one's tick, the name, the level and the size."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem, QWidget

from app.core.sizes import format_bytes
from app.gui.services.model_entry import ModelEntry
from app.gui.theme.fonts import text_font
from app.gui.theme.icons import IconName, icon
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SMALL_RADIUS, SPACING
from app.gui.widgets.drop_down import ValueDelegate, is_separator

ENTRY_ROLE = Qt.ItemDataRole.UserRole + 1
ICON_ROLE = Qt.ItemDataRole.UserRole + 2
"""The name of the icon before the text."""
_Index = QModelIndex | QPersistentModelIndex
_LEADING, _TRAILING = SPACING.small, SPACING.medium
_MIDDLE = Qt.TextElideMode.ElideMiddle


class ModelRowDelegate(ValueDelegate):
    """Draws entries, headings (rows that can't be chosen), and rows with only an icon and a text.

    The rows are as wide as the longest name, but no wider than the window.
    """

    def __init__(self, theme: Theme, field: QWidget) -> None:
        super().__init__(field)
        self._theme = theme
        self._field = field
        self._body, self._caption = text_font("body"), text_font("caption", tabular=True)

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        """Return the height of a control, and the width of the whole entry within the bounds."""
        entry = index.data(ENTRY_ROLE)
        wanted = self._width_of(entry) if isinstance(entry, ModelEntry) else 0
        most = max(SIZE.narrow, self._field.window().width() - 2 * SPACING.large)
        width = min(max(SIZE.narrow, wanted), most)
        return QSize(width, super().sizeHint(option, index).height())

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Let the style draw the background, and draw the row on top."""
        if is_separator(index):
            super().paint(painter, option, index)
            return
        styled = QStyleOptionViewItem(option)
        self.initStyleOption(styled, index)
        styled.text = ""
        widget = styled.widget
        widget.style().drawControl(QStyle.ControlElement.CE_ItemViewItem, styled, painter, widget)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if index.flags() & Qt.ItemFlag.ItemIsEnabled:
            self._draw_row(painter, styled, index)
        else:
            self._write(painter, styled, _inner(styled), str(index.data()), is_small=True)
        painter.restore()

    def _draw_row(self, painter: QPainter, styled: QStyleOptionViewItem, index: _Index) -> None:
        row, side = _inner(styled), SIZE.small_icon
        mark: IconName | None = index.data(ICON_ROLE)
        if mark is not None:
            colors = self._theme.colors
            square = QRect(row.left(), row.center().y() - side // 2 + 1, side, side)
            icon(mark, colors, colors.accent).paint(painter, _mirrored(styled, square))
        row = row.adjusted(side + SPACING.small, 0, 0, 0)
        entry = index.data(ENTRY_ROLE)
        if not isinstance(entry, ModelEntry):
            self._write(painter, styled, row, str(index.data()))
            return
        if entry.size_bytes:
            row = self._write_size(painter, styled, row, format_bytes(entry.size_bytes))
        if entry.level:
            row = self._draw_chip(painter, styled, row, entry.level)
        self._write(painter, styled, row, entry.title)

    def _write_size(
        self, painter: QPainter, styled: QStyleOptionViewItem, row: QRect, words: str
    ) -> QRect:
        """Write at the end of a row, and return what remains of it."""
        width = QFontMetrics(self._caption).horizontalAdvance(words)
        end = QRect(row.right() - width, row.top(), width + 1, row.height())
        self._write(painter, styled, end, words, is_small=True)
        return row.adjusted(0, 0, -self._width_of_size(words), 0)

    def _draw_chip(
        self, painter: QPainter, styled: QStyleOptionViewItem, row: QRect, words: str
    ) -> QRect:
        metrics = QFontMetrics(self._caption)
        width = self._width_of_chip(words)
        height = metrics.height() + SPACING.tiny
        chip = QRect(row.right() - width, row.center().y() - height // 2 + 1, width, height)
        painter.setPen(QColor(self._theme.colors.outline))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        # A line of one pixel is sharp between two whole coordinates.
        outline = _mirrored(styled, chip).toRectF().translated(0.5, 0.5)
        painter.drawRoundedRect(outline, SMALL_RADIUS, SMALL_RADIUS)
        inner = chip.adjusted(SPACING.small, 0, -SPACING.small + 1, 0)
        self._write(painter, styled, inner, words, is_small=True)
        return row.adjusted(0, 0, -width - SPACING.small, 0)

    def _width_of(self, entry: ModelEntry) -> int:
        width = QFontMetrics(self._body).horizontalAdvance(entry.title)
        width += SIZE.small_icon + SPACING.small + _LEADING + _TRAILING + SIZE.focus
        if entry.size_bytes:
            width += self._width_of_size(format_bytes(entry.size_bytes))
        if entry.level:
            width += self._width_of_chip(entry.level) + SPACING.small
        return width

    def _width_of_size(self, words: str) -> int:
        """Return the width of a size with the gap before it; sizes stand below each other."""
        width = QFontMetrics(self._caption).horizontalAdvance(words)
        return max(width, 2 * SPACING.huge) + SPACING.small

    def _width_of_chip(self, words: str) -> int:
        return QFontMetrics(self._caption).horizontalAdvance(words) + 2 * SPACING.small

    def _write(
        self,
        painter: QPainter,
        styled: QStyleOptionViewItem,
        place: QRect,
        words: str,
        *,
        is_small: bool = False,
    ) -> None:
        font = self._caption if is_small else self._body
        colors = self._theme.colors
        painter.setFont(font)
        painter.setPen(QColor(colors.muted if is_small else colors.ink))
        shown = QFontMetrics(font).elidedText(words, _MIDDLE, place.width())
        alignment = QStyle.visualAlignment(styled.direction, Qt.AlignmentFlag.AlignLeft)
        middle = alignment | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(_mirrored(styled, place), middle, shown)


def _inner(styled: QStyleOptionViewItem) -> QRect:
    return styled.rect.adjusted(_LEADING, 0, -_TRAILING, 0)


def _mirrored(styled: QStyleOptionViewItem, place: QRect) -> QRect:
    """Return the place in a row, which begins at the right for some languages."""
    return QStyle.visualRect(styled.direction, styled.rect, place)
