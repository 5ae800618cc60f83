"""Show one running conversion."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.core.language import tr
from app.gui.children.task import Task
from app.gui.theme.theme import Theme
from app.gui.widgets.progress_row import ProgressRow

_STEPS_WITH_FIGURES = ("download", "convert", "calibrate")


class TaskRow(ProgressRow):
    """Follows a task to its end, and lets the user cancel it."""

    def __init__(self, theme: Theme, task: Task, parent: QWidget | None = None) -> None:
        super().__init__(theme, task.title, parent=parent)
        self.task = task
        self._show_waiting()
        task.changed.connect(self._follow)
        task.ended.connect(self._show_end)
        self.canceled.connect(task.cancel)

    def _show_waiting(self) -> None:
        is_next = self.task.state == "waiting"
        self.show_waiting(tr("Waiting…") if is_next else tr("Preparing…"))

    def _follow(self) -> None:
        progress = self.task.progress
        if self.task.is_over:
            return
        if progress is None or progress.step not in _STEPS_WITH_FIGURES:
            self._show_waiting()
            return
        reading = tr("Making the importance matrix: the model reads the text")
        self.set_detail(reading if progress.step == "calibrate" else progress.detail)
        self.show_progress(progress.done_bytes, progress.total_bytes, self.task.pace)

    def _show_end(self) -> None:
        if self.task.state == "finished":
            self.show_finished(tr("Done"))
        elif self.task.state == "canceled":
            self.show_failed(tr("Canceled; nothing was left behind."))
        else:
            self.show_failed(tr("Not converted"))
