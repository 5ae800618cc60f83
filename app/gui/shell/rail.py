"""Navigation rail with the pages, and the jobs below them."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QVBoxLayout, QWidget

from app.core.language import tr
from app.gui.children.task_board import TaskBoard
from app.gui.shell.jobs_tray import JobsTray
from app.gui.theme.icons import IconName
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.button import Button


class Rail(QFrame):
    """A button for each page; `chosen` carries the page's name.

    Where the window is narrow, the rail is folded to icons.
    """

    chosen = Signal(str)

    def __init__(self, theme: Theme, tasks: TaskBoard, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._buttons: dict[str, Button] = {}
        self._group = QButtonGroup(self)
        self.jobs = JobsTray(theme, tasks)
        self.setProperty("role", "rail")
        self.setAccessibleName(tr("Pages"))
        self._column = QVBoxLayout(self)
        edge = SPACING.small
        self._column.setContentsMargins(edge, SPACING.medium, edge, edge)
        self._column.setSpacing(SPACING.tiny)
        self._column.addStretch(1)
        self._column.addWidget(self.jobs)
        self.set_folded(is_folded=False)

    def add_page(self, name: str, label: str, icon_name: IconName) -> None:
        """Add a page below the others."""
        button = Button(self._theme, label, "navigation", icon_name=icon_name)
        button.clicked.connect(lambda: self.chosen.emit(name))
        self._group.addButton(button)
        self._column.insertWidget(len(self._buttons), button)
        self._buttons[name] = button

    def show_page(self, name: str) -> None:
        """Mark a page as open without emitting `chosen`."""
        self._buttons[name].setChecked(True)

    def set_folded(self, *, is_folded: bool) -> None:
        """Show only icons, or icons with words."""
        self.setFixedWidth(SIZE.folded_rail if is_folded else SIZE.rail)
        for button in self._buttons.values():
            button.set_icon_only(is_icon_only=is_folded)
        self.jobs.set_folded(is_folded=is_folded)
