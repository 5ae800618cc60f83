"""Countermeasure the contrast of text as it is drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QAbstractButton, QLabel, QWidget

from tests.gui.theme.test_tokens import contrast

_READABLE = 4.4
"""4.5, less what the smoothing of thin strokes takes."""


def contrast_faults(root: QWidget) -> Iterator[str]:
    """Yield a line for each text of an enabled control or label that is too faint."""
    picture = root.grab().toImage()
    for widget in root.findChildren(QWidget):
        if not (isinstance(widget, QLabel | QAbstractButton) and _is_readable(widget, root)):
            continue
        place = QRect(widget.mapTo(root, QPoint(0, 0)), widget.size()).intersected(root.rect())
        seen = _contrast_in(picture, place)
        if seen is not None and seen < _READABLE:
            yield f"{type(widget).__name__} {widget.text()[:60]!r} has a contrast of {seen:.1f}"


def _is_readable(widget: QLabel | QAbstractButton, root: QWidget) -> bool:
    if not widget.isVisible() or widget.window() is not root or not widget.isEnabled():
        return False
    is_whole = widget.visibleRegion().boundingRect() == widget.rect()
    return is_whole and any(letter.isalnum() for letter in widget.text())


def _contrast_in(picture: QImage, place: QRect) -> float | None:
    ratio = picture.devicePixelRatio()
    left, top = round(place.left() * ratio), round(place.top() * ratio)
    part = picture.copy(left, top, round(place.width() * ratio), round(place.height() * ratio))
    colors = Counter(
        part.pixelColor(x, y).rgb() for x in range(part.width()) for y in range(part.height())
    )
    if not colors:
        return None
    ground = _hex(colors.most_common(1)[0][0])
    return max(contrast(ground, _hex(color)) for color in colors)


def _hex(rgb: int) -> str:
    return QColor(rgb).name()
