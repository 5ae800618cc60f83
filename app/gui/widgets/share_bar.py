"""Show the parts of a whole as a bar with a legend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QStyle, QToolTip, QWidget

from app.gui.theme.fonts import text_font
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SMALL_RADIUS, SPACING
from app.gui.widgets.plain_text import plain_tool_tip


@dataclass(frozen=True)
class SharePart:
    """A part: its name, its amount in any unit, and words about it."""

    label: str
    amount: int
    words: str


class ShareBar(QWidget):
    """A bar of parts and a legend with the words about each, all painted.

    The parts have the theme's colors for shares, in order.
    """

    def __init__(self, theme: Theme, name: str, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.parts: tuple[SharePart, ...] = ()
        self._font = text_font("caption", tabular=True)
        self.setAccessibleName(name)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self.update)

    def show_parts(self, parts: Sequence[SharePart]) -> None:
        """Show these parts, the largest first."""
        self.parts = tuple(parts)
        self.setAccessibleDescription("; ".join(f"{part.label}: {part.words}" for part in parts))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the size with the legend in few lines."""
        return QSize(SIZE.form, self.heightForWidth(SIZE.form))

    def minimumSizeHint(self) -> QSize:
        """Return the height of the bar and one line; layouts ask for the height at their width."""
        return QSize(SIZE.field, self._legend_top() + self._line())

    def heightForWidth(self, width: int) -> int:
        """Return the height of the bar and all lines of the legend."""
        bottom = max((place.bottom() + 1 for place, _ in self._legend(width)), default=0)
        return max(bottom, self._legend_top())

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draw the bar and the legend."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw_bar(painter)
        self._draw_legend(painter)
        painter.end()

    def event(self, event: QEvent) -> bool:
        """Show the part under the mouse in a tool tip."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), plain_tool_tip(self.tip_at(event.pos())), self)
            return True
        return super().event(event)

    def tip_at(self, place: QPoint) -> str:
        """Return the part of the bar at a position in words, or an empty text."""
        for rectangle, part in self._segments():
            if rectangle.contains(place):
                return f"{part.label}: {part.words}"
        return ""

    def _line(self) -> int:
        return QFontMetrics(self._font).height() + SIZE.focus

    def _legend_top(self) -> int:
        return SIZE.memory_bar + SPACING.small

    def _color(self, part: SharePart) -> QColor:
        colors = self._theme.colors.shares
        return QColor(colors[min(self.parts.index(part), len(colors) - 1)])

    def _segments(self) -> Iterator[tuple[QRect, SharePart]]:
        """Return the position of each part, mirrored for right-to-left languages."""
        whole, ends, total = sum(part.amount for part in self.parts) or 1, [0], 0
        for part in self.parts:
            total += part.amount
            ends.append(round(self.width() * total / whole))
        for (begin, end), part in zip(pairwise(ends), self.parts, strict=True):
            yield self._mirrored(QRect(begin, 0, end - begin, SIZE.memory_bar)), part

    def _legend(self, width: int) -> Iterator[tuple[QRect, SharePart]]:
        """Return the position of each entry, in lines of this width."""
        metrics, line = QFontMetrics(self._font), self._line()
        left, top = 0, self._legend_top()
        for part in self.parts:
            taken = SIZE.swatch + SPACING.small
            taken += metrics.horizontalAdvance(f"{part.label}  {part.words}") + SIZE.focus
            if left and left + taken > width:
                left, top = 0, top + line
            yield QRect(left, top, min(taken, width), line), part
            left += taken + SPACING.large

    def _mirrored(self, rectangle: QRect) -> QRect:
        return QStyle.visualRect(self.layoutDirection(), self.rect(), rectangle)

    def _draw_bar(self, painter: QPainter) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._theme.colors.pressed))
        painter.drawRoundedRect(
            QRect(0, 0, self.width(), SIZE.memory_bar), SMALL_RADIUS, SMALL_RADIUS
        )
        for rectangle, part in self._segments():
            # The gap separates neighbors without relying on colors.
            gap = SIZE.hairline if rectangle.width() > SIZE.hairline else 0
            painter.fillRect(rectangle.adjusted(0, 0, -gap, 0), self._color(part))

    def _draw_legend(self, painter: QPainter) -> None:
        colors, side = self._theme.colors, SIZE.swatch
        metrics = QFontMetrics(self._font)
        painter.setFont(self._font)
        for place, part in self._legend(self.width()):
            swatch = QRect(place.left(), place.top() + (place.height() - side) // 2, side, side)
            painter.fillRect(self._mirrored(swatch), self._color(part))
            text = place.adjusted(side + SPACING.small, 0, 0, 0)
            painter.setPen(QColor(colors.ink))
            self._write(painter, text, part.label)
            text.setLeft(text.left() + metrics.horizontalAdvance(f"{part.label}  "))
            painter.setPen(QColor(colors.muted))
            elide = Qt.TextElideMode.ElideRight
            self._write(painter, text, metrics.elidedText(part.words, elide, text.width()))

    def _write(self, painter: QPainter, place: QRect, text: str) -> None:
        side = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        aligned = QStyle.visualAlignment(self.layoutDirection(), side)
        painter.drawText(self._mirrored(place), aligned, text)
