"""The wizard's last step: the conversion as it runs, and what can be done with the result."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.sizes import format_bytes
from app.gui.process.task import Task
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.card import Card
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.progress_row import ProgressRow
from app.gui.widgets.text_dialog import TextDialog


class RunStep(QWidget):
    """Follows one task.

    Signals:
        chat_requested: the path of a finished file.
        restarted: another conversion is wanted.
    """

    chat_requested = Signal(str)
    restarted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._task: Task | None = None
        self._card = Card(self.tr("Converting"))
        self._row = ProgressRow(theme, "")
        self._results = PlainLabel("", wrap=True, selectable=True)
        self.notice = NoticeBar(theme)
        self._again_button = Button(theme, self.tr("Convert another"))
        self.chat_button = Button(theme, self.tr("Chat now"), "primary", icon_name="chat")
        self._build_layout()
        self._row.cancelled.connect(self._cancel)
        self.chat_button.clicked.connect(self._chat)
        self._again_button.clicked.connect(self.restarted)
        self.notice.acted.connect(self._show_log)

    def follow(self, task: Task) -> None:
        """Show this task from now on."""
        self._task = task
        self.notice.hide()
        self._results.hide()
        self._row.set_title(task.title)
        self._row.show_waiting(self.tr("Preparing…"))
        task.changed.connect(self._show)
        task.ended.connect(self._show_end)
        self._show_buttons()

    def _show(self) -> None:
        task = self._task
        if task is None or task is not self.sender():
            return
        progress = task.progress
        if progress is not None and progress.step in ("download", "convert"):
            self._row.set_detail(progress.detail)
            self._row.show_progress(progress.done_bytes, progress.total_bytes, task.pace)

    def _show_end(self) -> None:
        task = self._task
        if task is None or task is not self.sender():
            return
        if task.state == "finished":
            self._row.show_finished(self.tr("Done"))
            lines = [f"{path}  ({format_bytes(Path(path).stat().st_size)})" for path in task.paths]
            self._results.set_text("\n".join(lines))
            self._results.show()
        elif task.state == "cancelled":
            self._row.show_failed(self.tr("Cancelled; nothing was left behind."))
        else:
            self._row.show_failed(self.tr("Not converted"))
            self.notice.show_notice(
                "error", task.sentence, [("log", self.tr("Show log"))], dismissible=False
            )
        self._show_buttons()

    def _show_buttons(self) -> None:
        is_over = self._task is not None and self._task.is_over
        self._again_button.setVisible(is_over)
        self.chat_button.setVisible(is_over and self._task is not None and bool(self._task.paths))

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _chat(self) -> None:
        if self._task is not None:
            self.chat_requested.emit(self._task.paths[0])

    def _show_log(self) -> None:
        if self._task is not None:
            TextDialog(self._theme, self._task.title, self._task.log_text(), self).open()

    def _build_layout(self) -> None:
        self._card.add(self._row)
        self._card.add(self._results)
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACING.small)
        buttons.addStretch(1)
        buttons.addWidget(self._again_button)
        buttons.addWidget(self.chat_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.large)
        column.addWidget(self._card)
        column.addWidget(self.notice)
        column.addLayout(buttons)
        column.addStretch(1)
