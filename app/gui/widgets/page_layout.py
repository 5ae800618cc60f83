"""Layout of all pages: a title with actions beside it, and one column below."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.gui.theme.tokens import SPACING
from app.gui.widgets.plain_label import PlainLabel


def page_layout(page: QWidget, title: str) -> tuple[QHBoxLayout, QVBoxLayout]:
    """Lay out a page, and return the row beside the title and the column below it."""
    page.setProperty("role", "page")
    page.setAccessibleName(title)
    outer = QVBoxLayout(page)
    outer.setContentsMargins(SPACING.wide, SPACING.large, SPACING.wide, SPACING.large)
    outer.setSpacing(SPACING.large)
    header = QHBoxLayout()
    header.setSpacing(SPACING.small)
    header.addWidget(PlainLabel(title, "display"))
    header.addStretch(1)
    outer.addLayout(header)
    body = QVBoxLayout()
    body.setSpacing(SPACING.large)
    outer.addLayout(body, 1)
    return header, body
