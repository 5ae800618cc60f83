"""Show the measurement of one file."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.core.language import tr
from app.core.sizes import format_duration
from app.gui.children.task import Task
from app.gui.theme.theme import Theme
from app.gui.widgets.progress_row import ProgressRow


class MeasureRow(ProgressRow):
    """Follows a task to its end, and lets the user cancel it."""

    def __init__(self, theme: Theme, task: Task, parent: QWidget | None = None) -> None:
        super().__init__(theme, task.title, parent=parent)
        self.task = task
        self._follow()
        task.changed.connect(self._follow)
        task.ended.connect(self._show_end)
        self.canceled.connect(task.cancel)

    def _follow(self) -> None:
        if self.task.is_over:
            return
        progress = self.task.progress
        if self.task.state == "waiting":
            self.show_waiting(tr("Waiting…"))
        elif progress is None:
            self.show_share(None, tr("Loading…"))
        elif progress.step == "speed":
            self.show_share(None, tr("Measuring the speed…"))
        else:
            share = self.task.share
            self.show_share(share, self._words(share or 0.0))

    def _words(self, share: float) -> str:
        words = tr("Reading the text: {share}", share=f"{share:.0%}")
        progress = self.task.progress
        left = self.task.pace.seconds_left(progress.total_bytes) if progress else None
        if left is None:
            return words
        return f"{words} · " + tr("{time} left", time=format_duration(left))

    def _show_end(self) -> None:
        if self.task.state == "finished":
            self.show_finished(tr("Done"))
        elif self.task.state == "failed":
            self.show_failed(self.task.sentence)
        else:
            self.show_canceled(tr("Stopped. What was measured before is kept."))
