"""Jobs at the foot of the rail: the list, or a counter that opens it where the rail is folded."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFrame, QProgressBar, QVBoxLayout, QWidget

from app.core.language import tr
from app.gui.children.task import Task
from app.gui.children.task_board import TaskBoard
from app.gui.shell.jobs_list import JobsList
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.icon_button import IconButton
from app.gui.widgets.plain_label import PlainLabel

_PERCENT = 100


class JobsTray(QWidget):
    """Shows the tasks that run or wait."""

    def __init__(self, theme: Theme, tasks: TaskBoard, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._is_folded = False
        self.list = JobsList(theme, tasks)
        self.popup = _Popup(self)
        self.button = IconButton(theme, "jobs", tr("Jobs"))
        self.button.clicked.connect(self._open)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, _PERCENT)
        self._bar.setAccessibleName(tr("Progress of the jobs"))
        self._figure = PlainLabel("", "caption")
        self._figure.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._counter = QWidget()
        column = QVBoxLayout(self._counter)
        column.setContentsMargins(0, SPACING.small, 0, SPACING.small)
        column.setSpacing(SPACING.tiny)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self._bar)
        column.addWidget(self._figure)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(self._counter)
        self._column.addWidget(self.list)
        tasks.added.connect(self._on_added)
        tasks.ended.connect(self._show_counter)
        self._show_counter()

    def set_folded(self, *, is_folded: bool) -> None:
        """Show the counter instead of the list."""
        if is_folded == self._is_folded:
            return
        self._is_folded = is_folded
        self.popup.hide()
        if is_folded:
            self.popup.column.addWidget(self.list)
        else:
            self._column.addWidget(self.list)
        self.list.show()
        self._show_counter()

    def _on_added(self, task: Task) -> None:
        task.changed.connect(self._show_counter)
        self._show_counter()

    def _show_counter(self) -> None:
        tasks = self._tasks.open_tasks
        self._counter.setVisible(self._is_folded and bool(tasks))
        if not tasks:
            self.popup.hide()
            return
        percent = int(_PERCENT * sum(task.share or 0.0 for task in tasks) / len(tasks))
        count = str(len(tasks))
        words = tr("Jobs: {count}, {percent}% done", count=count, percent=str(percent))
        self.button.set_action("jobs", words)
        self._bar.setValue(percent)
        self._figure.set_text(count)

    def _open(self) -> None:
        self.popup.show_beside(self.button)


class _Popup(QFrame):
    """Frame that closes when the user presses Escape or clicks elsewhere."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("role", "card")
        self.setAccessibleName(tr("Jobs"))
        self.setFixedWidth(SIZE.side)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(*[SPACING.small] * 4)

    def show_beside(self, anchor: QWidget) -> None:
        """Show it to the right of a control, bottom edges aligned."""
        self.adjustSize()
        corner = anchor.mapToGlobal(QPoint(anchor.width() + SPACING.medium, anchor.height()))
        self.move(corner - QPoint(0, self.height()))
        self.show()
        self.setFocus(Qt.FocusReason.PopupFocusReason)
