"""Legend of the colors of memory bars."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QStyle, QWidget

from app.core.language import tr
from app.gui.theme.fonts import text_font
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING


class MemoryLegend(QWidget):
    """A line of small squares with their labels."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._font = text_font("caption")
        self._words = {
            "weights": tr("weights"),
            "kv": tr("KV cache"),
            "compute": tr("compute"),
            "mark": tr("line: end of the GPU's free memory"),
        }
        self._has_mark = False
        self.setAccessibleName(", ".join(self._words.values()))
        theme.changed.connect(self.update)

    def set_has_mark(self, has_mark: bool) -> None:  # noqa: FBT001 - a property's value
        """Show or hide the explanation of the mark."""
        self._has_mark = has_mark
        self.update()

    def sizeHint(self) -> QSize:
        """Return the size of one line."""
        return QSize(SIZE.field, QFontMetrics(self._font).height() + SPACING.tiny)

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draw the squares and labels."""
        colors = self._theme.colors
        swatches = {
            "weights": colors.memory.weights,
            "kv": colors.memory.kv,
            "compute": colors.memory.compute,
        }
        painter = QPainter(self)
        painter.setFont(self._font)
        painter.setPen(QColor(colors.muted))
        left = 0
        for key, words in self._words.items():
            if key == "mark" and not self._has_mark:
                continue
            width = SIZE.swatch if key in swatches else SIZE.hairline
            square = QRect(left, (self.height() - SIZE.swatch) // 2, width, SIZE.swatch)
            painter.fillRect(self._mirrored(square), QColor(swatches.get(key, colors.ink)))
            left += width + SPACING.tiny
            taken = QFontMetrics(self._font).horizontalAdvance(words)
            place = QRect(left, 0, taken + SPACING.small, self.height())
            alignment = QStyle.visualAlignment(self.layoutDirection(), Qt.AlignmentFlag.AlignLeft)
            painter.drawText(
                self._mirrored(place), alignment | Qt.AlignmentFlag.AlignVCenter, words
            )
            left += taken + SPACING.large
        painter.end()

    def _mirrored(self, place: QRect) -> QRect:
        return QStyle.visualRect(self.layoutDirection(), self.rect(), place)
