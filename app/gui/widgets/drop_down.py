"""Box that offers a list of values to choose from."""

from __future__ import annotations

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import QHelpEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionComboBox,
    QStyleOptionViewItem,
    QToolTip,
    QWidget,
)

from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.plain_text import plain_tool_tip

MAX_ROWS = 12
_Index = QModelIndex | QPersistentModelIndex


class DropDown(QComboBox):
    """A combo box whose list opens beside the field and shows whole rows.

    The field is at most `SIZE.side` wide by itself; longer values are elided and have a tool tip.

    Args:
        elide: where the field elides.
    """

    def __init__(
        self,
        parent: QWidget | None = None,
        *,
        elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    ) -> None:
        super().__init__(parent)
        self._elide = elide
        view = QListView()
        view.setTextElideMode(Qt.TextElideMode.ElideRight)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setView(view)
        # The view's container takes over its elision.
        view.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setItemDelegate(ValueDelegate(self))
        self.setMaxVisibleItems(MAX_ROWS)

    def sizeHint(self) -> QSize:
        """Return the size for the longest value, but no more than the bound."""
        # The style leaves the text less than it asks for.
        hint = super().sizeHint()
        return _bounded(hint + QSize(2 * SIZE.focus, 0), SIZE.side)

    def minimumSizeHint(self) -> QSize:
        """Return a width at which the values can still be told apart."""
        return _bounded(super().minimumSizeHint(), SIZE.field)

    def initStyleOption(self, option: QStyleOptionComboBox) -> None:
        """Elide the value that doesn't fit."""
        super().initStyleOption(option)
        option.currentText = self._elided(option.currentText)

    def event(self, event: QEvent) -> bool:
        """Show the whole value as a tool tip if it is elided."""
        value = self.currentText()
        if event.type() == QEvent.Type.ToolTip and self._elided(value) != value:
            QToolTip.showText(self.mapToGlobal(QPoint(0, self.height())), plain_tool_tip(value))
            return True
        return super().event(event)

    def showPopup(self) -> None:
        """Open the list below the field, or above it if there is more room."""
        super().showPopup()
        popup = self.view().window()
        popup.setGeometry(self._place_of_popup())
        self.view().scrollTo(self.view().currentIndex())

    def _place_of_popup(self) -> QRect:
        screen = self.screen().availableGeometry()
        field = QRect(self.mapToGlobal(QPoint(0, 0)), self.size())
        frame = self.view().height() - self.view().viewport().height()
        height = self._height_of_rows() + frame
        below = screen.bottom() - field.bottom() - SPACING.tiny
        above = field.top() - screen.top() - SPACING.tiny
        height = min(height, max(below, above))
        top = field.bottom() + 1 if height <= below else field.top() - height
        width = min(max(self.width(), self._width_of_rows() + frame), screen.width())
        last = min(screen.right(), max(self.window().geometry().right(), field.right()))
        left = max(screen.left(), min(field.left(), last - width + 1))
        return QRect(left, top, width, height)

    def _height_of_rows(self) -> int:
        shown = min(self.count(), MAX_ROWS)
        return sum(self.view().sizeHintForRow(row) for row in range(shown))

    def _width_of_rows(self) -> int:
        bar = SIZE.scroll_bar if self.count() > MAX_ROWS else 0
        return self.view().sizeHintForColumn(0) + bar

    def _elided(self, value: str) -> str:
        option = QStyleOptionComboBox()
        super().initStyleOption(option)
        part = QStyle.SubControl.SC_ComboBoxEditField
        kind = QStyle.ComplexControl.CC_ComboBox
        width = self.style().subControlRect(kind, option, part, self).width() - SIZE.focus
        return self.fontMetrics().elidedText(value, self._elide, width)


class ValueDelegate(QStyledItemDelegate):
    """Draws a row or a separator line, and shows an elided value whole in a tool tip."""

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        """Return the height of a control, or of a separator, and a bounded width."""
        height = SPACING.small if is_separator(index) else SIZE.control
        # The view elides no row that is wider than itself.
        return QSize(min(super().sizeHint(option, index).width(), SIZE.narrow), height)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Draw the value, or the line."""
        if not is_separator(index):
            super().paint(painter, option, index)
            return
        middle = option.rect.center().y()
        line = QRect(option.rect.left(), middle, option.rect.width(), SIZE.hairline)
        painter.fillRect(line, option.palette.shadow())

    def helpEvent(
        self,
        event: QHelpEvent,
        view: QAbstractItemView,
        option: QStyleOptionViewItem,
        index: _Index,
    ) -> bool:
        """Show the whole value as a tool tip if it is elided."""
        words = str(index.data() or "")
        is_cut = super().sizeHint(option, index).width() > view.viewport().width()
        if event.type() == QEvent.Type.ToolTip and is_cut and not index.data(_TIP):
            QToolTip.showText(event.globalPos(), plain_tool_tip(words), view)
            return True
        return bool(super().helpEvent(event, view, option, index))


_TIP = Qt.ItemDataRole.ToolTipRole


def is_separator(index: _Index) -> bool:
    """Return whether a row is only a line."""
    return bool(index.data(Qt.ItemDataRole.AccessibleDescriptionRole) == "separator")


def _bounded(hint: QSize, width: int) -> QSize:
    return QSize(min(hint.width(), width), hint.height())
