"""The system's fonts in the sizes of the type scale."""

from __future__ import annotations

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
_STRONG = frozenset({"display", "title", "heading"})


def text_font(role: TextRole = "body", *, tabular: bool = False) -> QFont:
    """Return the font of a role; `tabular` gives all digits the same width."""
    font = QFont(QApplication.font())
    font.setPixelSize(_PIXELS[role])
    if role in _STRONG:
        font.setWeight(QFont.Weight(WEIGHT_STRONG))
    if tabular:
        font.setFeature(QFont.Tag("tnum"), 1)
    return font


def code_font() -> QFont:
    """Return the system's monospaced font."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPixelSize(TYPE.body)
    return font
