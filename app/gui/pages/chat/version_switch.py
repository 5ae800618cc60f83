"""Switch between the versions of a message: those that were replaced are kept."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.core.language import tr
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.icon_button import IconButton
from app.gui.widgets.plain_label import PlainLabel


class VersionSwitch(QWidget):
    """Two arrows around the number of the shown version; hidden while there is only one.

    Signals:
        wanted: -1 for the version before this one, 1 for the one after it.
    """

    wanted = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.earlier = IconButton(theme, "chevron-left", tr("Earlier version"), compact=True)
        self.later = IconButton(theme, "chevron-right", tr("Later version"), compact=True)
        self._count = PlainLabel("", "caption")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.tiny)
        for widget in (self.earlier, self._count, self.later):
            row.addWidget(widget)
        self.earlier.clicked.connect(lambda: self.wanted.emit(-1))
        self.later.clicked.connect(lambda: self.wanted.emit(1))
        self.hide()

    def show_version(self, number: int, count: int) -> None:
        """Show that this is version `number` of `count`, from 1."""
        self._count.set_text(f"{number}/{count}")
        self._count.setAccessibleName(
            tr("Version {number} of {count}", number=f"{number:,}", count=f"{count:,}")
        )
        self.earlier.setEnabled(number > 1)
        self.later.setEnabled(number < count)
        self.setVisible(count > 1)
