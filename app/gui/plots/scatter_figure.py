"""Points in a plane with their labels, and the line of those that no other one beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from app.gui.plots.axis import Axis, linear_axis, suitable_axis
from app.gui.plots.figure import Figure, Target
from app.gui.plots.label_placement import Box, PlacedLabel, place_labels
from app.gui.plots.pareto_front import pareto_front
from app.gui.plots.plot_ink import (
    MARK_RADIUS,
    LegendEntry,
    draw_legend,
    draw_mark,
    legend_of,
    line_height,
    line_pen,
    width_of,
    write,
)
from app.gui.plots.plotted_values import MarkWords, PlotPoint
from app.gui.theme.tokens import SIZE, SPACING, Colors

_SHAPE, _LEAST_HEIGHT, _MOST_HEIGHT = 0.5, 280.0, 420.0
_TICK_HEIGHT = 40.0
_INNER = 2 * MARK_RADIUS
"""Room between the ends of an axis and the points at them."""
_HIT_RADIUS = 11.0


@dataclass(frozen=True)
class _Layout:
    legend: tuple[LegendEntry, ...]
    title: QRectF
    field: QRectF
    x_axis: Axis
    y_axis: Axis
    spots: tuple[QPointF, ...]


class ScatterFigure(Figure):
    """Both coordinates are better the smaller they are; there is at least one point.

    Args:
        name: what the plot shows.
        x_title: the horizontal axis and its unit.
        y_title: the vertical axis and its unit.
        points: the points.
        words: the legend.
    """

    def __init__(
        self, name: str, x_title: str, y_title: str, points: Sequence[PlotPoint], words: MarkWords
    ) -> None:
        super().__init__(name)
        self._x_title, self._y_title = x_title, y_title
        self.points = tuple(sorted(points, key=lambda point: (point.x, point.y)))
        self.front = pareto_front([(point.x, point.y) for point in self.points])
        # One point makes no line.
        self._words = words if len(self.front) > 1 else replace(words, line="")

    def height_for(self, width: float) -> float:
        """Return half the width, within bounds."""
        return min(_MOST_HEIGHT, max(_LEAST_HEIGHT, _SHAPE * width))

    def targets(self, size: QSizeF) -> list[Target]:
        """Return the points from left to right."""
        return [
            Target(
                QRectF(spot.x() - _HIT_RADIUS, spot.y() - _HIT_RADIUS, *[2 * _HIT_RADIUS] * 2),
                point.words,
            )
            for point, spot in zip(self.points, self._layout(size).spots, strict=True)
        ]

    def labels(self, size: QSizeF) -> list[PlacedLabel | None]:
        """Return the places of the points' labels; None where there is no room."""
        layout = self._layout(size)
        return place_labels(
            [(spot.x(), spot.y()) for spot in layout.spots],
            [(width_of(point.label), line_height()) for point in self.points],
            Box(
                layout.field.left() + SIZE.hairline,
                layout.field.top(),
                size.width() - layout.field.left(),
                layout.field.height(),
            ),
            radius=MARK_RADIUS + SIZE.item_margin,
            line=[(layout.spots[one].x(), layout.spots[one].y()) for one in self.front],
        )

    def draw(self, painter: QPainter, size: QSizeF, colors: Colors) -> None:
        """Draw it from the origin on."""
        layout = self._layout(size)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        draw_legend(painter, layout.legend, colors)
        write(painter, layout.title, self._y_title, colors.muted)
        self._draw_axes(painter, layout, size, colors)
        painter.setPen(line_pen(colors))
        for one, other in pairwise(self.front):
            painter.drawLine(layout.spots[one], layout.spots[other])
        labels = self.labels(size)
        for spot, label in zip(layout.spots, labels, strict=True):
            if label is not None and label.has_leader:
                painter.setPen(QPen(QColor(colors.outline), SIZE.hairline))
                painter.drawLine(spot, _nearest(label.box, spot))
        for point, spot in zip(self.points, layout.spots, strict=True):
            draw_mark(painter, spot, colors, is_marked=point.is_marked)
        for point, label in zip(self.points, labels, strict=True):
            if label is not None:
                box = label.box
                place = QRectF(box.left, box.top, box.width, box.height)
                write(painter, place, point.label, colors.ink)

    def _draw_axes(self, painter: QPainter, layout: _Layout, size: QSizeF, colors: Colors) -> None:
        field = layout.field
        grid = QPen(QColor(colors.line), SIZE.hairline)
        for tick in layout.y_axis.ticks:
            y = _y_of(layout.y_axis, tick, field)
            painter.setPen(grid)
            painter.drawLine(QPointF(field.left(), y), QPointF(field.right(), y))
            place = QRectF(0, y - line_height() / 2, field.left() - SPACING.small, line_height())
            label = layout.y_axis.label_of(tick)
            write(painter, place, label, colors.muted, Qt.AlignmentFlag.AlignRight)
        below = field.bottom() + SPACING.tiny
        for tick in layout.x_axis.ticks:
            x = _x_of(layout.x_axis, tick, field)
            painter.setPen(grid)
            painter.drawLine(QPointF(x, field.top()), QPointF(x, field.bottom()))
            label = layout.x_axis.label_of(tick)
            left = min(size.width() - width_of(label), x - width_of(label) / 2)
            place = QRectF(left, below, width_of(label), line_height())
            write(painter, place, label, colors.muted, Qt.AlignmentFlag.AlignHCenter)
        painter.setPen(QPen(QColor(colors.outline), SIZE.hairline))
        painter.drawLine(field.bottomLeft(), field.bottomRight())
        painter.drawLine(field.topLeft(), field.bottomLeft())
        title = QRectF(field.left(), below + line_height(), field.width(), line_height())
        write(painter, title, self._x_title, colors.muted, Qt.AlignmentFlag.AlignRight)

    def _layout(self, size: QSizeF) -> _Layout:
        legend = tuple(
            legend_of(
                self._words,
                size.width(),
                has_usual=not all(point.is_marked for point in self.points),
                has_marked=any(point.is_marked for point in self.points),
            )
        )
        top = legend[-1].place.bottom() + SPACING.medium if legend else 0.0
        title = QRectF(0, top, size.width(), line_height())
        field_top = title.bottom() + SPACING.small
        bottom = size.height() - 2 * line_height() - 2 * SPACING.tiny
        y_axis = suitable_axis(
            [point.y for point in self.points], max(3, int((bottom - field_top) / _TICK_HEIGHT))
        )
        left = max(width_of(y_axis.label_of(tick)) for tick in y_axis.ticks) + SPACING.small
        field = QRectF(left, field_top, size.width() - left, bottom - field_top)
        x_axis = self._x_axis(field.width())
        spots = tuple(
            QPointF(_x_of(x_axis, point.x, field), _y_of(y_axis, point.y, field))
            for point in self.points
        )
        return _Layout(legend, title, field, x_axis, y_axis, spots)

    def _x_axis(self, width: float) -> Axis:
        """Return the axis with as many ticks as have room for their labels."""
        values = [point.x for point in self.points]
        for most in range(10, 2, -1):
            axis = linear_axis(values, most)
            widest = max(width_of(axis.label_of(tick)) for tick in axis.ticks)
            if len(axis.ticks) * (widest + SPACING.wide) <= width:
                return axis
        return linear_axis(values, 2)


def _x_of(axis: Axis, value: float, field: QRectF) -> float:
    return field.left() + _INNER + axis.share_of(value) * (field.width() - 2 * _INNER)


def _y_of(axis: Axis, value: float, field: QRectF) -> float:
    return field.bottom() - _INNER - axis.share_of(value) * (field.height() - 2 * _INNER)


def _nearest(box: Box, spot: QPointF) -> QPointF:
    """Return the point of a box that is nearest to a spot."""
    x = min(max(spot.x(), box.left), box.right)
    return QPointF(x, min(max(spot.y(), box.top), box.bottom))
