"""Lay out plain text with extra line spacing, which Qt's labels can't do."""

from __future__ import annotations

from PySide6.QtCore import QPointF
from PySide6.QtGui import QFont, QPainter, QTextLayout, QTextOption

from app.gui.theme.tokens import CAPTION_HEIGHT_PERCENT

_PERCENT = 100


class Paragraph:
    """A text in a font, broken into lines at a width."""

    def __init__(self, text: str, font: QFont, width: float) -> None:
        self._layout = QTextLayout(text.replace("\n", "\u2028"), font)
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self._layout.setTextOption(option)
        self.height = 0.0
        self._layout.beginLayout()
        while (line := self._layout.createLine()).isValid():
            line.setLineWidth(width)
            pitch = max(line.height(), font.pixelSize() * CAPTION_HEIGHT_PERCENT / _PERCENT)
            line.setPosition(QPointF(0, self.height + (pitch - line.height()) / 2))
            self.height += pitch
        self._layout.endLayout()

    def draw(self, painter: QPainter, corner: QPointF) -> None:
        """Draw the lines in the pen's color."""
        self._layout.draw(painter, corner)
