"""Draw the elements that plots share: texts, marks and the legend."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF

from app.gui.plots.plotted_values import MarkWords
from app.gui.theme.fonts import text_font
from app.gui.theme.tokens import SIZE, SPACING, Colors

MarkKind = Literal["usual", "marked", "line"]
MARK_RADIUS = SIZE.swatch / 2
_DIAMOND = 1.35
"""A diamond's half diagonal, relative to the radius of a circle that looks as large."""
_LINE_WIDTH = 1.5
_LINE_SAMPLE = float(SPACING.wide)


@dataclass(frozen=True)
class LegendEntry:
    """An entry of the legend, placed: the mark and the words beside it."""

    kind: MarkKind
    words: str
    place: QRectF


@functools.lru_cache(maxsize=1)
def caption_metrics() -> QFontMetricsF:
    """Return the metrics of the font of all texts in plots."""
    return QFontMetricsF(text_font("caption", tabular=True))


def line_height() -> float:
    """Return the height of a line of text."""
    return caption_metrics().height()


def width_of(text: str) -> float:
    """Return the width of a text, with a pixel that rounding may take."""
    return caption_metrics().horizontalAdvance(text) + 1


def write(
    painter: QPainter,
    place: QRectF,
    text: str,
    color: str,
    side: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
) -> None:
    """Write one line, elided where it doesn't fit."""
    elided = caption_metrics().elidedText(text, Qt.TextElideMode.ElideRight, place.width())
    painter.setFont(text_font("caption", tabular=True))
    painter.setPen(QColor(color))
    painter.drawText(place, side | Qt.AlignmentFlag.AlignVCenter, elided)


def mark_color(colors: Colors, *, is_marked: bool) -> str:
    """Return the color of a kind of points or bars."""
    return colors.memory.weights if is_marked else colors.memory.kv


def draw_mark(painter: QPainter, center: QPointF, colors: Colors, *, is_marked: bool) -> None:
    """Draw a point: a circle, or a diamond in another color; its edge parts it from others."""
    painter.setPen(QPen(QColor(colors.surface), SIZE.hairline))
    painter.setBrush(QColor(mark_color(colors, is_marked=is_marked)))
    if not is_marked:
        painter.drawEllipse(center, MARK_RADIUS, MARK_RADIUS)
        return
    reach = _DIAMOND * MARK_RADIUS
    steps = ((0, -reach), (reach, 0), (0, reach), (-reach, 0))
    painter.drawPolygon(QPolygonF([center + QPointF(x, y) for x, y in steps]))


def line_pen(colors: Colors) -> QPen:
    """Return the pen of the line between points."""
    return QPen(QColor(colors.edge), _LINE_WIDTH)


def legend_of(
    words: MarkWords, width: float, *, has_usual: bool, has_marked: bool
) -> list[LegendEntry]:
    """Return the legend, wrapped; the kinds of points are explained only if there are both."""
    kinds: list[tuple[MarkKind, str]] = []
    if has_marked:
        kinds += [("usual", words.usual)] if has_usual else []
        kinds.append(("marked", words.marked))
    if words.line:
        kinds.append(("line", words.line))
    entries: list[LegendEntry] = []
    left = top = 0.0
    for kind, text in kinds:
        taken = min(width, _sample_width(kind) + SPACING.tiny + width_of(text))
        if left and left + taken > width:
            left, top = 0.0, top + line_height() + SPACING.tiny
        entries.append(LegendEntry(kind, text, QRectF(left, top, taken, line_height())))
        left += taken + SPACING.large
    return entries


def draw_legend(painter: QPainter, entries: Sequence[LegendEntry], colors: Colors) -> None:
    """Draw the legend."""
    for entry in entries:
        middle, sample = entry.place.center().y(), _sample_width(entry.kind)
        start = entry.place.left()
        if entry.kind == "line":
            painter.setPen(line_pen(colors))
            painter.drawLine(QPointF(start, middle), QPointF(start + sample, middle))
        else:
            center = QPointF(start + sample / 2, middle)
            draw_mark(painter, center, colors, is_marked=entry.kind == "marked")
        text = entry.place.adjusted(sample + SPACING.tiny, 0, 0, 0)
        write(painter, text, entry.words, colors.muted)


def _sample_width(kind: MarkKind) -> float:
    return _LINE_SAMPLE if kind == "line" else 2 * _DIAMOND * MARK_RADIUS
