"""Show the memory of a device as a bar of parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetrics, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QStyle, QToolTip, QWidget

from app.core.language import tr
from app.core.sizes import format_bytes, format_gibibytes
from app.gui.theme.fonts import text_font
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SMALL_RADIUS, SPACING
from app.gui.widgets.plain_text import plain_tool_tip

MemoryKind = Literal["weights", "kv", "compute", "others"]
_AlignmentFlag = Qt.AlignmentFlag


@dataclass(frozen=True)
class MemoryPart:
    """A part of memory: its kind, which determines the color, its label, and its size."""

    kind: MemoryKind
    label: str
    size_bytes: int


class MemoryBar(QWidget):
    """A name, the free memory, a bar of parts, and a legend with the size of each, all painted.

    The excess over the total is hatched, and the figure beside the name shows it.

    Args:
        theme: colors.
        name: the device, for example "RAM".
    """

    def __init__(self, theme: Theme, name: str, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._name = name
        self._parts: tuple[MemoryPart, ...] = ()
        self._total_bytes = 0
        self._heading = text_font("body")
        self._caption = text_font("caption", tabular=True)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    @property
    def name(self) -> str:
        """The name of the device."""
        return self._name

    @property
    def parts(self) -> tuple[MemoryPart, ...]:
        """The parts."""
        return self._parts

    @property
    def figure(self) -> str:
        """The memory left over or missing, and the total."""
        total = format_bytes(self._total_bytes)
        if self.excess_bytes:
            size = format_bytes(self.excess_bytes)
            return tr("{size} missing, of {total}", size=size, total=total)
        size = format_bytes(self._total_bytes - self._taken_bytes)
        return tr("{size} left of {total}", size=size, total=total)

    @property
    def excess_bytes(self) -> int:
        """The size of all parts beyond the total, or 0."""
        return max(0, self._taken_bytes - self._total_bytes)

    def show_parts(self, name: str, parts: Sequence[MemoryPart], total_bytes: int) -> None:
        """Show these parts of a total."""
        shown = (name, tuple(parts), total_bytes)
        if shown == (self._name, self._parts, self._total_bytes):
            return
        has_grown = len(parts) != len(self._parts)
        self._name, self._parts, self._total_bytes = shown
        self.setAccessibleName(f"{name}: {self.figure}")
        spoken = [f"{part.label}: {format_bytes(part.size_bytes)}" for part in self._parts]
        self.setAccessibleDescription("; ".join(spoken))
        if has_grown:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the height of its lines."""
        return QSize(SIZE.side, self._legend_top() + len(self._parts) * self._line())

    def minimumSizeHint(self) -> QSize:
        """Return half the usual width, with elided text."""
        return QSize(SIZE.side // 2, self.sizeHint().height())

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draw the name, the bar and the legend."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw_head(painter)
        self._draw_bar(painter)
        self._draw_legend(painter)
        painter.end()

    def event(self, event: QEvent) -> bool:
        """Show the part under the mouse in a tool tip, in decimal and binary units."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), plain_tool_tip(self.tip_at(event.pos())), self)
            return True
        return super().event(event)

    def tip_at(self, place: QPoint) -> str:
        """Return the whole name or the part at a position, or an empty text."""
        if 0 <= place.y() < self._bar().top():
            return self._name
        for rectangle, part in self._segments():
            if rectangle.contains(place):
                return f"{part.label}: {_in_both_units(part.size_bytes)}"
        free = max(0, self._total_bytes - self._taken_bytes)
        is_on_bar = self._bar().contains(place)
        return f"{tr('Free')}: {_in_both_units(free)}" if is_on_bar else ""

    @property
    def _taken_bytes(self) -> int:
        return sum(part.size_bytes for part in self._parts)

    def _line(self) -> int:
        return QFontMetrics(self._caption).height() + SIZE.focus

    def _bar(self) -> QRect:
        top = QFontMetrics(self._heading).height() + SPACING.tiny
        return QRect(0, top, self.width(), SIZE.memory_bar)

    def _legend_top(self) -> int:
        return self._bar().bottom() + 1 + SPACING.tiny

    def _segments(self) -> Iterator[tuple[QRect, MemoryPart]]:
        """Return the position of each part, mirrored for right-to-left languages."""
        bar = self._bar()
        whole = max(self._total_bytes, self._taken_bytes, 1)
        ends, sum_bytes = [0], 0
        for part in self._parts:
            sum_bytes += part.size_bytes
            ends.append(round(bar.width() * sum_bytes / whole))
        for (begin, end), part in zip(pairwise(ends), self._parts, strict=True):
            yield self._mirrored(QRect(begin, bar.top(), end - begin, bar.height())), part

    def _mirrored(self, rectangle: QRect) -> QRect:
        return QStyle.visualRect(self.layoutDirection(), self.rect(), rectangle)

    def _draw_head(self, painter: QPainter) -> None:
        colors = self._theme.colors
        line = QRect(0, 0, self.width(), QFontMetrics(self._heading).height())
        taken = QFontMetrics(self._caption).horizontalAdvance(self.figure)
        room = line.width() - taken - SPACING.small
        color = colors.danger if self.excess_bytes else colors.muted
        self._write(painter, line, self.figure, self._caption, color, _AlignmentFlag.AlignRight)
        elide = Qt.TextElideMode.ElideRight
        name = QFontMetrics(self._heading).elidedText(self._name, elide, room)
        self._write(painter, line, name, self._heading, colors.ink, _AlignmentFlag.AlignLeft)

    def _draw_bar(self, painter: QPainter) -> None:
        colors, bar = self._theme.colors, self._bar()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colors.pressed))
        painter.drawRoundedRect(bar, SMALL_RADIUS, SMALL_RADIUS)
        for rectangle, part in self._segments():
            # The gap separates neighbors without relying on colors.
            gap = SIZE.hairline if rectangle.width() > SIZE.hairline else 0
            painter.fillRect(rectangle.adjusted(0, 0, -gap, 0), self._brush(part.kind))
        if self.excess_bytes:
            self._draw_excess(painter, bar)

    def _draw_excess(self, painter: QPainter, bar: QRect) -> None:
        """Hatch the excess over the total, and mark the total."""
        colors = self._theme.colors
        end = round(bar.width() * self._total_bytes / self._taken_bytes)
        beyond = self._mirrored(QRect(end, bar.top(), bar.width() - end, bar.height()))
        painter.fillRect(beyond, QColor(colors.danger_surface))
        painter.fillRect(beyond, QBrush(QColor(colors.danger), Qt.BrushStyle.BDiagPattern))
        mark = QRect(end - SIZE.focus // 2, bar.top() - SIZE.focus, SIZE.focus, bar.height())
        painter.fillRect(self._mirrored(mark.adjusted(0, 0, 0, 2 * SIZE.focus)), QColor(colors.ink))

    def _draw_legend(self, painter: QPainter) -> None:
        colors, height, side = self._theme.colors, self._line(), SIZE.swatch
        metrics = QFontMetrics(self._caption)
        for index, part in enumerate(self._parts):
            line = QRect(0, self._legend_top() + index * height, self.width(), height)
            swatch = QRect(0, line.top() + (height - side) // 2, side, side)
            painter.fillRect(self._mirrored(swatch), self._brush(part.kind))
            text = line.adjusted(side + SPACING.small, 0, 0, 0)
            figure = format_bytes(part.size_bytes)
            room = text.width() - metrics.horizontalAdvance(figure) - SPACING.small
            words = metrics.elidedText(part.label, Qt.TextElideMode.ElideRight, room)
            left, right = _AlignmentFlag.AlignLeft, _AlignmentFlag.AlignRight
            self._write(painter, text, words, self._caption, colors.muted, left)
            self._write(painter, text, figure, self._caption, colors.ink, right)

    def _write(
        self,
        painter: QPainter,
        line: QRect,
        text: str,
        font: QFont,
        color: str,
        side: Qt.AlignmentFlag,
    ) -> None:
        painter.setFont(font)
        painter.setPen(QColor(color))
        aligned = QStyle.visualAlignment(self.layoutDirection(), side | _AlignmentFlag.AlignVCenter)
        painter.drawText(self._mirrored(line), aligned, text)

    def _brush(self, kind: MemoryKind) -> QBrush:
        color = QColor(getattr(self._theme.colors.memory, kind))
        pattern = Qt.BrushStyle.SolidPattern
        return QBrush(color, Qt.BrushStyle.Dense4Pattern if kind == "others" else pattern)


def _in_both_units(size_bytes: int) -> str:
    return f"{format_bytes(size_bytes)} ({format_gibibytes(size_bytes)})"
