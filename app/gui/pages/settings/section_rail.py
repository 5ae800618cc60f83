"""Buttons that scroll to the sections of a long page."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QTimer
from PySide6.QtGui import QFont, QFontMetrics
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.core.language import tr
from app.gui.theme.fonts import text_font
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING, WEIGHT_STRONG
from app.gui.widgets.button import Button
from app.gui.widgets.scroll_column import ScrollColumn


class SectionRail(QWidget):
    """A button for each section; that of the section in view is checked.

    Args:
        theme: colors.
        scroll: the column of the page.
        headings: the widgets that the sections start with, by name.
    """

    def __init__(
        self,
        theme: Theme,
        scroll: ScrollColumn,
        headings: Mapping[str, QWidget],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Sections"))
        self._bar = scroll.verticalScrollBar()
        self._headings = list(headings.values())
        self.buttons = [Button(theme, name, "navigation") for name in headings]
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.tiny)
        for index, button in enumerate(self.buttons):
            button.setMinimumWidth(_strong_width(button))
            column.addWidget(button)
            button.clicked.connect(lambda _, index=index: self._go_to(index))
        column.addStretch(1)
        # The range changes before the sections have their new places.
        self._settled = QTimer(self, singleShot=True, interval=0)
        self._settled.timeout.connect(self._show_place)
        self._bar.rangeChanged.connect(self._settled.start)
        self._bar.valueChanged.connect(self._show_place)
        self._show_place()

    def _go_to(self, index: int) -> None:
        self._bar.setValue(self._headings[index].y())
        # The last sections may be too short to reach the top.
        self._check(index)

    def _show_place(self) -> None:
        top = self._bar.value() + SPACING.wide
        passed = [index for index, one in enumerate(self._headings) if one.y() <= top]
        is_end = self._bar.value() == self._bar.maximum() > 0
        self._check(len(self._headings) - 1 if is_end else passed[-1] if passed else 0)

    def _check(self, index: int) -> None:
        for other, button in enumerate(self.buttons):
            button.setChecked(other == index)


def _strong_width(button: Button) -> int:
    """Return the width of a button with its text as it is written while the button is checked."""
    button.ensurePolished()
    plain = text_font()
    strong = QFont(plain)
    strong.setWeight(QFont.Weight(WEIGHT_STRONG))
    text = button.text()
    more = QFontMetrics(strong).horizontalAdvance(text) - QFontMetrics(plain).horizontalAdvance(
        text
    )
    return button.sizeHint().width() + more
