"""Checkboxes of task lists: Qt would draw a cross for a task that is done."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter, QPen, QTextBlock, QTextBlockFormat, QTextDocument

from app.gui.theme.icons import icon
from app.gui.theme.tokens import SIZE, SMALL_RADIUS, SPACING, TYPE, Colors

_MARKER = QTextBlockFormat.MarkerType
_SIDE = TYPE.body


def task_blocks(document: QTextDocument) -> Iterator[QTextBlock]:
    """Return the blocks that are tasks."""
    block = document.begin()
    while block.isValid():
        if block.blockFormat().marker() != _MARKER.NoMarker:
            yield block
        block = block.next()


def paint_task(painter: QPainter, block: QTextBlock, colors: Colors) -> None:
    """Draw the checkbox before the first line of a task."""
    layout = block.layout()
    if not layout.lineCount():
        return
    line, place = layout.lineAt(0), layout.position()
    middle = place.y() + line.y() + (line.ascent() + line.descent()) / 2
    left = place.x() + line.x() - SPACING.small - _SIDE
    box = QRectF(round(left), round(middle - _SIDE / 2), _SIDE, _SIDE)
    is_done = block.blockFormat().marker() == _MARKER.Checked
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(colors.accent if is_done else colors.outline), SIZE.hairline))
    painter.setBrush(QColor(colors.accent if is_done else colors.surface))
    inset = SIZE.hairline / 2
    painter.drawRoundedRect(box.adjusted(inset, inset, -inset, -inset), SMALL_RADIUS, SMALL_RADIUS)
    if is_done:
        icon("check", colors, colors.accent_ink).paint(painter, box.toRect())
    painter.restore()
