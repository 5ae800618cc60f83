"""Draw the rows of the list of chats, and edit their titles in place."""

from __future__ import annotations

from PySide6.QtCore import (
    QAbstractItemModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QIcon, QPainter
from PySide6.QtWidgets import (
    QLineEdit,
    QListWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.chat.search_hit import SearchHit
from app.core.language import tr
from app.gui.theme.fonts import TextRole, text_font
from app.gui.theme.icons import icon
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING

HIT = Qt.ItemDataRole.UserRole
"""The `SearchHit` of a row; None for a heading."""

_Index = QModelIndex | QPersistentModelIndex
_ROW = SIZE.control


class ChatRowDelegate(QStyledItemDelegate):
    """Draws a title, the excerpt below it, and at the right a button, or the mark of the item.

    Signals:
        renamed: the row of a chat and the title that was entered.
    """

    renamed = Signal(int, str)

    def __init__(self, theme: Theme, rows: QListWidget) -> None:
        super().__init__(rows)
        self._theme = theme
        self._rows = rows

    def button_in(self, row: QRect) -> QRect:
        """Return the place of the menu button in a row."""
        side = SIZE.compact
        top = row.top() + (min(row.height(), _ROW) - side) // 2
        return QRect(row.right() - side - SPACING.tiny, top, side, side)

    def sizeHint(self, _option: QStyleOptionViewItem, index: _Index) -> QSize:
        """Return the height of one line or, with an excerpt, of two."""
        hit = index.data(HIT)
        has_excerpt = hit is not None and bool(hit.excerpt)
        return QSize(0, _ROW + SPACING.large if has_excerpt else _ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Draw a row."""
        given = QStyleOptionViewItem(option)
        self.initStyleOption(given, index)
        words, mark, hit = given.text, QIcon(given.icon), index.data(HIT)
        if hit is None:
            self._draw_line(
                painter, _line_in(given.rect), words, "caption", self._theme.colors.muted
            )
            return
        # The style draws the background only.
        given.text, given.icon = "", QIcon()
        control = QStyle.ControlElement.CE_ItemViewItem
        self._rows.style().drawControl(control, given, painter, self._rows)
        self._draw_words(painter, given.rect, words, hit)
        gap = SPACING.tiny
        button = self.button_in(given.rect).adjusted(gap, gap, -gap, -gap)
        if given.state & QStyle.StateFlag.State_MouseOver:
            colors = self._theme.colors
            icon("more", colors, colors.muted).paint(painter, button)
        elif not mark.isNull():
            mark.paint(painter, button)

    def createEditor(
        self, parent: QWidget, _option: QStyleOptionViewItem, _index: _Index
    ) -> QWidget:
        """Return a line edit for the title."""
        line = QLineEdit(parent)
        line.setAccessibleName(tr("Title"))
        return line

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, _index: _Index
    ) -> None:
        """Put the line edit over the title."""
        editor.setGeometry(option.rect.adjusted(0, 0, 0, _ROW - option.rect.height()))

    def setModelData(self, editor: QWidget, _model: QAbstractItemModel, index: _Index) -> None:
        """Report the title; the list is filled again with what is stored."""
        title = editor.text().strip() if isinstance(editor, QLineEdit) else ""
        if title and title != index.data():
            self.renamed.emit(index.row(), title)

    def _draw_words(self, painter: QPainter, row: QRect, title: str, hit: SearchHit) -> None:
        colors = self._theme.colors
        line = _line_in(row)
        excerpt = line.translated(0, SIZE.compact - SPACING.tiny)
        line.setRight(self.button_in(row).left() - SPACING.tiny)
        self._draw_line(painter, line, title, "body", colors.ink)
        self._draw_line(painter, excerpt, hit.excerpt, "caption", colors.muted)

    def _draw_line(
        self, painter: QPainter, room: QRect, words: str, role: TextRole, color: str
    ) -> None:
        painter.setFont(text_font(role))
        painter.setPen(QColor(color))
        shown = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeading, shown)


def _line_in(row: QRect) -> QRect:
    """Return the place of the first line of a row."""
    line = row.adjusted(SPACING.small, 0, -SPACING.small, 0)
    line.setHeight(min(row.height(), _ROW))
    return line
