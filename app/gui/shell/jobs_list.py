"""List of the tasks that run or wait, each with its progress and a button to stop it."""

from __future__ import annotations

from typing import get_args

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from app.core.language import tr
from app.core.sizes import format_bytes, format_duration
from app.gui.children.task import Task
from app.gui.children.task_board import TaskBoard
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.icon_button import IconButton
from app.gui.widgets.plain_label import PlainLabel
from app.library.unfinished_downloads import DownloadKind

_STEPS = 1000
_PERCENT = 100
_MAX_ROWS = 4


class JobsList(QWidget):
    """Shows a row for each task."""

    def __init__(self, theme: Theme, tasks: TaskBoard, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._rows: dict[Task, _JobRow] = {}
        self.setAccessibleName(tr("Jobs"))
        self._heading = PlainLabel(tr("Jobs"), "caption")
        self._idle = PlainLabel(tr("No jobs running"), "caption")
        self._more = PlainLabel("", "caption")
        self._column = QVBoxLayout(self)
        edge = SPACING.small
        self._column.setContentsMargins(edge, edge, edge, edge)
        self._column.setSpacing(SPACING.small)
        for label in (self._heading, self._idle, self._more):
            self._column.addWidget(label)
        self._show_count()
        tasks.added.connect(self._on_added)
        tasks.ended.connect(self._on_ended)

    def _on_added(self, task: Task) -> None:
        row = _JobRow(self._theme, task)
        self._rows[task] = row
        self._column.insertWidget(self._column.count() - 1, row)
        self._show_count()

    def _on_ended(self, task: Task) -> None:
        row = self._rows.pop(task)
        self._column.removeWidget(row)
        row.hide()
        row.deleteLater()
        self._show_count()

    def _show_count(self) -> None:
        self._heading.setVisible(bool(self._rows))
        self._idle.setVisible(not self._rows)
        for index, row in enumerate(self._rows.values()):
            row.setVisible(index < _MAX_ROWS)
        hidden = max(0, len(self._rows) - _MAX_ROWS)
        self._more.setVisible(hidden > 0)
        self._more.set_text(tr("and {count} more", count=str(hidden)))


class _JobRow(QWidget):
    """One task with its title, a thin bar, and its progress with the time left."""

    def __init__(self, theme: Theme, task: Task) -> None:
        super().__init__()
        self._task = task
        title = PlainLabel(task.title, "caption", elide=True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, _STEPS)
        self._bar.setAccessibleName(task.title)
        self._figures = PlainLabel("", "caption", elide=True)
        stop = _stop_button(theme, task)
        stop.clicked.connect(task.cancel)
        top = QHBoxLayout()
        top.setSpacing(SPACING.tiny)
        top.addWidget(title, 1)
        top.addWidget(stop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.tiny)
        column.addLayout(top)
        column.addWidget(self._bar)
        column.addWidget(self._figures)
        task.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        if self._task.sentence:
            self._figures.set_text(self._task.sentence)
            return
        progress, share = self._task.progress, self._task.share
        is_counted = progress is not None and progress.step != "plan" and progress.done_bytes
        if share is None and progress is not None and is_counted:
            self._figures.set_text(format_bytes(progress.done_bytes))
            return
        if progress is None or share is None:
            waiting = self._task.state == "waiting"
            self._figures.set_text(tr("Waiting") if waiting else tr("Preparing…"))
            # The step before it may have filled the bar.
            self._bar.setValue(0)
            return
        self._bar.setValue(int(_STEPS * share))
        words = f"{int(_PERCENT * share)}%"
        left = self._task.pace.seconds_left(progress.total_bytes)
        # The pace is that of this step; those of later ones are unknown.
        is_last = self._task.step in {-1, len(self._task.steps) - 1}
        if left is not None and is_last:
            words += " · " + tr("{time} left", time=format_duration(left))
        self._figures.set_text(words)


def _stop_button(theme: Theme, task: Task) -> IconButton:
    """Return the button that stops a task; a download keeps what it has fetched."""
    if task.kind in get_args(DownloadKind):
        return IconButton(theme, "pause", tr("Pause: {title}", title=task.title), compact=True)
    return IconButton(theme, "close", tr("Cancel: {title}", title=task.title), compact=True)
