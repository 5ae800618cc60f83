"""The system's fonts in the sizes of the type scale, larger where the system's font is."""

from __future__ import annotations

import functools
import sys
from typing import Literal

from PySide6.QtGui import QFont, QFontDatabase
from PySide6.QtWidgets import QApplication

from app.gui.theme.tokens import TYPE, WEIGHT_STRONG

TextRole = Literal["display", "title", "heading", "body", "muted", "caption"]
_PIXELS: dict[TextRole, int] = {
    "display": TYPE.display,
    "title": TYPE.title,
    "heading": TYPE.heading,
    "body": TYPE.body,
    "muted": TYPE.body,
    "caption": TYPE.caption,
}
# Points of the interface's font where the user has not changed it.
_USUAL_POINTS = {"darwin": 13.0, "win32": 9.0}
_USUAL_POINTS_ELSEWHERE = 11.0
_LARGEST_SCALE = 2.0
_STRONG = frozenset({"display", "title", "heading"})


def text_font(role: TextRole = "body", *, tabular: bool = False) -> QFont:
    """Return the font of a role; `tabular` gives all digits the same width."""
    font = QFont(QApplication.font())
    font.setPixelSize(scaled(_PIXELS[role]))
    if role in _STRONG:
        font.setWeight(QFont.Weight(WEIGHT_STRONG))
    if tabular:
        font.setFeature(QFont.Tag("tnum"), 1)
    return font


def code_font() -> QFont:
    """Return the system's monospaced font."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPixelSize(scaled(TYPE.code))
    return font


def scaled(pixels: int) -> int:
    """Return a font size of the type scale at the system's font size."""
    return round(pixels * _scale())


def scale_of(system: QFont) -> float:
    """Return how much larger than usual the system's font is, from 1 to 2."""
    usual = _USUAL_POINTS.get(sys.platform, _USUAL_POINTS_ELSEWHERE)
    return min(_LARGEST_SCALE, max(1.0, system.pointSizeF() / usual))


@functools.lru_cache(maxsize=1)
def _scale() -> float:
    return scale_of(QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont))
