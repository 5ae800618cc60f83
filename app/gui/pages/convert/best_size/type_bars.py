"""Picture of the types of a file: a bar for each kind of tensor, and a legend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetrics, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QStyle, QToolTip, QWidget

from app.core.allocation_events import ChosenShare
from app.core.language import tr
from app.core.sizes import format_bytes
from app.gui.pages.convert.best_size.kind_bars import (
    KindBar,
    TypeLook,
    kind_bars,
    share_in_words,
    type_looks,
)
from app.gui.theme.fonts import text_font
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.plain_text import plain_tool_tip

_PATTERNS = (
    Qt.BrushStyle.BDiagPattern,
    Qt.BrushStyle.DiagCrossPattern,
    Qt.BrushStyle.HorPattern,
    Qt.BrushStyle.VerPattern,
)
"""For further types of one hue; the first one is plain."""
_LEFT, _RIGHT = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight


class TypeBars(QWidget):
    """For each kind of tensor its name, a bar of the types by size, and its size, all painted."""

    def __init__(self, theme: Theme, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.bars: tuple[KindBar, ...] = ()
        self.looks: dict[str, TypeLook] = {}
        self._font = text_font("caption", tabular=True)
        self.setAccessibleName(tr("Types by kind of tensor"))
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self.update)

    def show_shares(self, shares: Sequence[ChosenShare]) -> None:
        """Show these tensors."""
        self.bars, self.looks = kind_bars(shares), type_looks(shares)
        self.setAccessibleDescription("; ".join(bar.words for bar in self.bars))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the size with the legend in few lines."""
        return QSize(SIZE.form, self.heightForWidth(SIZE.form))

    def minimumSizeHint(self) -> QSize:
        """Return the height of the bars and one line; layouts ask for it at their width."""
        return QSize(SIZE.side, self._legend_top() + self._line())

    def heightForWidth(self, width: int) -> int:
        """Return the height of the bars and all lines of the legend."""
        return max((place.bottom() + 1 for place, _ in self._legend(width)), default=0)

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draw the bars and the legend."""
        painter = QPainter(self)
        painter.setFont(self._font)
        for line, bar in self._lines():
            self._draw_line(painter, line, bar)
        for place, name in self._legend(self.width()):
            side = SIZE.swatch
            swatch = QRect(place.left(), place.top() + (place.height() - side) // 2, side, side)
            self._fill(painter, swatch, name)
            text = place.adjusted(side + SPACING.tiny, 0, 0, 0)
            self._write(painter, text, name, self._theme.colors.muted, _LEFT)
        painter.end()

    def event(self, event: QEvent) -> bool:
        """Show the type under the mouse in a tool tip."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), plain_tool_tip(self.tip_at(event.pos())), self)
            return True
        return super().event(event)

    def tip_at(self, place: QPoint) -> str:
        """Return the tensors at a position in words, or an empty text."""
        for line, bar in self._lines():
            for rectangle, part in self._segments(self._bar_in(line), bar):
                if self._mirrored(rectangle).contains(place):
                    return f"{bar.kind}: {share_in_words(part)}"
            if self._mirrored(line).contains(place):
                return bar.words
        return ""

    def _line(self) -> int:
        return max(QFontMetrics(self._font).height(), SIZE.memory_bar) + SPACING.tiny

    def _legend_top(self) -> int:
        return len(self.bars) * self._line() + SPACING.small

    def _lines(self) -> Iterator[tuple[QRect, KindBar]]:
        for number, bar in enumerate(self.bars):
            yield QRect(0, number * self._line(), self.width(), self._line()), bar

    def _name_width(self) -> int:
        metrics = QFontMetrics(self._font)
        widest = max((metrics.horizontalAdvance(bar.kind) for bar in self.bars), default=0)
        return min(widest, self.width() // 3)

    def _size_width(self) -> int:
        metrics = QFontMetrics(self._font)
        sizes = (format_bytes(bar.size_bytes) for bar in self.bars)
        return max(map(metrics.horizontalAdvance, sizes), default=0)

    def _bar_in(self, line: QRect) -> QRect:
        left = self._name_width() + SPACING.medium
        width = line.width() - left - self._size_width() - SPACING.medium
        top = line.top() + (line.height() - SIZE.memory_bar) // 2
        return QRect(left, top, width, SIZE.memory_bar)

    def _segments(self, place: QRect, bar: KindBar) -> Iterator[tuple[QRect, ChosenShare]]:
        ends, sum_bytes = [0], 0
        for part in bar.parts:
            sum_bytes += part.size_bytes
            ends.append(round(place.width() * sum_bytes / max(1, bar.size_bytes)))
        for (begin, end), part in zip(pairwise(ends), bar.parts, strict=True):
            yield QRect(place.left() + begin, place.top(), end - begin, place.height()), part

    def _legend(self, width: int) -> Iterator[tuple[QRect, str]]:
        """Return the position of each type, in lines of this width."""
        metrics, line = QFontMetrics(self._font), self._line()
        left, top = 0, self._legend_top()
        for name in self.looks:
            taken = SIZE.swatch + SPACING.tiny + metrics.horizontalAdvance(name) + SIZE.focus
            if left and left + taken > width:
                left, top = 0, top + line
            yield QRect(left, top, min(taken, width), line), name
            left += taken + SPACING.large

    def _draw_line(self, painter: QPainter, line: QRect, bar: KindBar) -> None:
        colors, metrics = self._theme.colors, QFontMetrics(self._font)
        width = self._name_width()
        name = metrics.elidedText(bar.kind, Qt.TextElideMode.ElideRight, width)
        place = QRect(0, line.top(), width + SIZE.focus, line.height())
        self._write(painter, place, name, colors.ink, _LEFT)
        self._write(painter, line, format_bytes(bar.size_bytes), colors.muted, _RIGHT)
        for rectangle, part in self._segments(self._bar_in(line), bar):
            # The gap separates neighbors without relying on colors.
            gap = SIZE.hairline if rectangle.width() > SIZE.hairline else 0
            self._fill(painter, rectangle.adjusted(0, 0, -gap, 0), part.type)

    def _fill(self, painter: QPainter, place: QRect, name: str) -> None:
        look, place = self.looks[name], self._mirrored(place)
        painter.fillRect(place, QColor(self._theme.colors.shares[look.hue]))
        if look.pattern:
            pattern = _PATTERNS[(look.pattern - 1) % len(_PATTERNS)]
            painter.fillRect(place, QBrush(QColor(self._theme.colors.surface), pattern))

    def _write(
        self, painter: QPainter, place: QRect, text: str, color: str, side: Qt.AlignmentFlag
    ) -> None:
        painter.setPen(QColor(color))
        aligned = QStyle.visualAlignment(
            self.layoutDirection(), side | Qt.AlignmentFlag.AlignVCenter
        )
        painter.drawText(self._mirrored(place), aligned, text)

    def _mirrored(self, place: QRect) -> QRect:
        return QStyle.visualRect(self.layoutDirection(), self.rect(), place)
