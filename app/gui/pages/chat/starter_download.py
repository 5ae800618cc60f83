"""Download of the starter model, with its progress."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.core.language import tr
from app.gui.children.task import Task
from app.gui.services.workbench import Workbench
from app.gui.widgets.progress_row import ProgressRow
from app.library.reply_defaults import STARTER_NAME


class StarterDownload(QWidget):
    """A task of the window, shown while it runs and until the model is listed.

    Signals:
        changed: `is_running` or `failure` is new.
    """

    changed = Signal()

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workbench = workbench
        self._task: Task | None = None
        self.is_running = False
        self._title = tr("Downloading {name}", name=STARTER_NAME)
        self._row = ProgressRow(workbench.theme, self._title)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._row)
        self._row.canceled.connect(self._cancel)
        workbench.models.changed.connect(self._on_listed)
        self.hide()

    @property
    def failure(self) -> str:
        """The reason why the last download failed; empty if it didn't."""
        return self._task.sentence if self._task and self._task.state == "failed" else ""

    def start(self) -> None:
        """Start the download."""
        self._row.show_waiting(tr("Preparing…"))
        tasks = self._workbench.tasks
        self._task = tasks.add("setup", self._title, "setup", "--only", "starter")
        self._task.changed.connect(self._show)
        self._task.ended.connect(self._on_ended)
        self._set_running(is_running=True)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _show(self) -> None:
        if self._task is not None and (progress := self._task.progress) is not None:
            self._row.show_progress(progress.done_bytes, progress.total_bytes, self._task.pace)

    def _on_ended(self) -> None:
        self._workbench.models.refresh()
        if self._task is not None and self._task.state != "finished":
            self._set_running(is_running=False)

    def _on_listed(self) -> None:
        if self.is_running and self._task is not None and self._task.is_over:
            self._set_running(is_running=False)

    def _set_running(self, *, is_running: bool) -> None:
        self.is_running = is_running
        self.setVisible(is_running)
        self.changed.emit()
