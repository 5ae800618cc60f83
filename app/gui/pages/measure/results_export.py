"""Save the results of a family as a picture, a drawing or a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QImageWriter, QPainter
from PySide6.QtSvg import QSvgGenerator

from app.core.files import write_atomically
from app.gui.plots.figure import Figure
from app.gui.theme.fonts import TextRole, text_font
from app.gui.theme.tokens import SPACING, Colors

ExportKind = Literal["png", "svg", "csv"]
_WIDTH, _COLUMNS = 1200.0, 3
_SCALE = 2
_PIXELS_PER_INCH = 96


class PlotSheet:
    """All plots of a model on one sheet: the title, the first plot, and the others below it."""

    def __init__(
        self, title: str, subtitle: str, figures: Sequence[Figure], colors: Colors
    ) -> None:
        self._title, self._subtitle = title, subtitle
        self._figures = tuple(figures)
        self._colors = colors

    @property
    def size(self) -> QSizeF:
        """The size in device-independent pixels."""
        bottom = max((place.bottom() for _, place in self._places()), default=self._top())
        return QSizeF(_WIDTH, math.ceil(bottom + SPACING.wide))

    def png(self) -> bytes:
        """Return it as PNG, with two pixels for each device-independent one."""
        size = self.size.toSize()
        image = QImage(size * _SCALE, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(_SCALE)
        painter = QPainter(image)
        self._draw(painter)
        painter.end()
        buffer = _buffer()
        QImageWriter(buffer, QByteArray(b"png")).write(image)
        return bytes(buffer.data().data())

    def svg(self) -> bytes:
        """Return it as SVG, with texts as texts."""
        buffer = _buffer()
        generator = QSvgGenerator()
        generator.setOutputDevice(buffer)
        generator.setResolution(_PIXELS_PER_INCH)
        generator.setSize(self.size.toSize())
        generator.setViewBox(QRectF(0, 0, self.size.width(), self.size.height()))
        generator.setTitle(self._title)
        painter = QPainter(generator)
        self._draw(painter)
        painter.end()
        return bytes(buffer.data().data())

    def _draw(self, painter: QPainter) -> None:
        colors, edge = self._colors, SPACING.wide
        whole = QRectF(0, 0, self.size.width(), self.size.height())
        painter.fillRect(whole, QColor(colors.surface))
        width = _WIDTH - 2 * edge
        line = QRectF(edge, edge, width, _height("display"))
        self._write(painter, line, self._title, "display", colors.ink)
        line = QRectF(edge, line.bottom(), width, _height("caption"))
        self._write(painter, line, self._subtitle, "caption", colors.muted)
        for figure, place in self._places():
            heading = QRectF(place.left(), place.top(), place.width(), _height("heading"))
            self._write(painter, heading, figure.name, "heading", colors.ink)
            painter.save()
            painter.translate(place.left(), heading.bottom() + SPACING.small)
            figure.draw(painter, QSizeF(place.width(), self._height_of(figure, place)), colors)
            painter.restore()

    def _write(
        self, painter: QPainter, line: QRectF, text: str, role: TextRole, color: str
    ) -> None:
        painter.setFont(text_font(role))
        painter.setPen(QColor(color))
        elide = Qt.TextElideMode.ElideRight
        shown = QFontMetricsF(text_font(role)).elidedText(text, elide, line.width())
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)

    def _top(self) -> float:
        return SPACING.wide + _height("display") + _height("caption") + SPACING.large

    def _places(self) -> list[tuple[Figure, QRectF]]:
        """Return the place of each figure with its heading, row by row."""
        places: list[tuple[Figure, QRectF]] = []
        top, edge, figures = self._top(), float(SPACING.wide), list(self._figures)
        for columns in (1, _COLUMNS):
            while row := figures[:columns]:
                del figures[:columns]
                width = (_WIDTH - edge - columns * edge) / columns
                heights = [self._outer_height(figure, width) for figure in row]
                for number, figure in enumerate(row):
                    left = edge + number * (width + edge)
                    places.append((figure, QRectF(left, top, width, heights[number])))
                top += max(heights) + SPACING.wide
                if columns == 1:
                    break
        return places

    def _outer_height(self, figure: Figure, width: float) -> float:
        return _height("heading") + SPACING.small + figure.height_for(width)

    def _height_of(self, figure: Figure, place: QRectF) -> float:
        return figure.height_for(place.width())


def save_results(
    path: Path, kind: ExportKind, sheet: PlotSheet, table: Callable[[], bytes]
) -> None:
    """Write the sheet or the table to a file, whole or not at all.

    Raises:
        AppError: `folder_not_writable`, `disk_full`, `file_busy`.
    """
    contents = {"png": sheet.png, "svg": sheet.svg, "csv": table}
    write_atomically(path, contents[kind]())


def _height(role: TextRole) -> float:
    return math.ceil(QFontMetricsF(text_font(role)).height()) + SPACING.tiny


def _buffer() -> QBuffer:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    return buffer
