"""Say that a plan needs weights that are not downloaded yet, and offer to download them."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.core.language import tr
from app.core.sizes import format_bytes
from app.gui.children.task import Task
from app.gui.pages.convert.conversion_run import download_steps
from app.gui.pages.convert.task_row import TaskRow
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.plain_label import PlainLabel


class WeightsRow(QWidget):
    """A sentence with a button, or the progress of the download.

    Signals:
        wanted: the user wants to download the weights.
        arrived: they are there.
    """

    wanted = Signal()
    arrived = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.task: Task | None = None
        self._progress: TaskRow | None = None
        self._words = PlainLabel("", "caption", wrap=True)
        self.button = Button(theme, tr("Download, then show plan"), icon_name="download")
        self.button.clicked.connect(self.wanted)
        column = self._column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.small)
        column.addWidget(self._words)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)

    @property
    def words(self) -> str:
        """The shown sentences."""
        return self._words.whole_text

    def offer(self, size_bytes: int, fault: str) -> None:
        """Say what is missing.

        Args:
            size_bytes: the size of what is still to be downloaded, 0 if that is unknown.
            fault: why it is of no use now; empty if it is.
        """
        if self.task is None:
            words = tr("The plan needs the weights, which are not downloaded yet.")
            if size_bytes:
                size = format_bytes(size_bytes)
                words = tr(
                    "The plan needs the weights, which are not downloaded yet ({size}).", size=size
                )
            self._words.set_text(" ".join(filter(None, (words, fault))))
        self.button.setEnabled(not fault)

    def follow(self, task: Task) -> None:
        """Show the progress of the download to its end."""
        self.forget()
        self.task = task
        self._progress = TaskRow(self._theme, task, download_steps())
        self._column.addWidget(self._progress)
        self.button.hide()
        task.ended.connect(self._on_ended)

    def forget(self) -> None:
        """Show no download any more; it goes on."""
        task, self.task = self.task, None
        if task is not None:
            task.ended.disconnect(self._on_ended)
        self._remove_progress()

    def _on_ended(self) -> None:
        task, self.task = self.task, None
        self._remove_progress()
        if task is None:
            return
        if task.state == "finished":
            self.arrived.emit()
        elif task.state == "failed":
            self._words.set_text(task.sentence)

    def _remove_progress(self) -> None:
        progress, self._progress = self._progress, None
        if progress is not None:
            self._column.removeWidget(progress)
            progress.hide()
            progress.deleteLater()
        self.button.show()
