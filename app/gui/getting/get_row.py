"""Row that gets a model: the offer, then the progress, then a button to chat with it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.errors import ErrorCode
from app.core.language import tr
from app.core.sentences import describe_error
from app.gui.children.task import Task
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button, ButtonKind
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.progress_row import ProgressRow


class GetRow(QWidget):
    """Words and a button, and below them the progress while the model is fetched.

    Args:
        theme: colors.
        title: above the words, which are then smaller; empty for none.
        kind: the kind of the button.

    Signals:
        wanted: the user wants the model, perhaps once more after a failure.
        chat_requested: the path of the finished model.
    """

    wanted = Signal()
    chat_requested = Signal(str)

    def __init__(
        self,
        theme: Theme,
        title: str = "",
        kind: ButtonKind = "primary",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._name = ""
        self._offer = ""
        self._path = ""
        self._task: Task | None = None
        self._progress: ProgressRow | None = None
        self.title = PlainLabel(title, elide=True)
        self.title.setVisible(bool(title))
        self.words = PlainLabel("", "caption" if title else "muted", wrap=True, selectable=True)
        self.button = Button(theme, tr("Get it"), kind, icon_name="download")
        self.button.clicked.connect(self._act)
        line = QHBoxLayout()
        line.setSpacing(SPACING.medium)
        texts = QVBoxLayout()
        texts.setSpacing(SPACING.tiny)
        texts.addWidget(self.title)
        texts.addWidget(self.words)
        line.addLayout(texts, 1)
        line.addWidget(self.button)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(SPACING.small)
        self._column.addLayout(line)

    def offer(self, name: str, words: str) -> None:
        """Say what the button does for the repository `name`."""
        if name != self._name:
            self._forget_progress()
        self._name, self._offer = name, words
        self.show_task(self._task)

    def refuse(self, words: str) -> None:
        """Say why there is nothing to get."""
        self.offer(self._name, words)
        self.button.hide()

    def set_ready(self, *, is_ready: bool) -> None:
        """Enable the button once it is known what to get."""
        self.button.setEnabled(is_ready or bool(self._path))

    def show_task(self, task: Task | None) -> None:
        """Show the state of the task that gets the model; None if there is none."""
        self._task = task
        self._path = _model_of(task) if task else ""
        is_at_work = task is not None and not task.is_over
        self.button.setVisible(not is_at_work)
        self._show_progress(task if is_at_work else None)
        has_failed = task is not None and task.state == "failed" and not self._path
        self.words.set_tone("danger" if has_failed else "plain")
        self.words.set_text(self._in_words(task))
        is_paused = task is not None and task.state == "canceled"
        self._show_action(
            "retry" if has_failed else "chat" if self._path else "resume" if is_paused else "get"
        )

    def _show_action(self, action: str) -> None:
        words = {
            "get": tr("Get it"),
            "retry": tr("Try again"),
            "resume": tr("Resume"),
            "chat": tr("Chat"),
        }[action]
        self.button.set_text(words)
        self.button.setAccessibleName(f"{words}: {self._name}" if self._name else words)
        self.button.set_icon("chat" if action == "chat" else "download")

    def _in_words(self, task: Task | None) -> str:
        if task is None or task.state in ("waiting", "running"):
            return self._offer
        if task.existing_file:
            return tr("{name} is here already.", name=Path(task.existing_file).name)
        if task.state == "failed":
            return task.sentence or describe_error(ErrorCode.INTERNAL, {"detail": task.state})
        if task.state == "canceled":
            return tr("Paused.")
        return tr("Ready to chat.")

    def _show_progress(self, task: Task | None) -> None:
        if task is None:
            if self._progress is not None:
                self._progress.hide()
            return
        row = self._progress_row()
        row.show()
        row.set_detail(_step_in_words(task))
        progress = task.progress
        if task.state == "waiting":
            row.show_waiting(tr("Waiting…"))
        elif progress is None or not progress.total_bytes:
            row.show_waiting(tr("Preparing…"))
        else:
            row.show_progress(progress.done_bytes, progress.total_bytes, task.pace)

    def _progress_row(self) -> ProgressRow:
        if self._progress is None:
            self._progress = ProgressRow(self._theme, self._name)
            self._progress.canceled.connect(self._cancel)
            self._column.addWidget(self._progress)
        return self._progress

    def _forget_progress(self) -> None:
        if self._progress is not None:
            self._column.removeWidget(self._progress)
            self._progress.hide()
            self._progress.deleteLater()
            self._progress = None

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _act(self) -> None:
        if self._path:
            self.chat_requested.emit(self._path)
        else:
            self.wanted.emit()


def _model_of(task: Task) -> str:
    """Return the model that a task has made or found; empty if there is none yet."""
    if task.state == "finished":
        return next(iter(task.paths), "")
    return task.existing_file


def _step_in_words(task: Task) -> str:
    if task.is_stopping:
        return tr("Stopping…")
    if task.sentence:
        return task.sentence
    step = task.progress.step if task.progress else ""
    return {
        "download": tr("Downloading"),
        "convert": tr("Converting"),
        "plan": tr("Computing exact sizes…"),
    }.get(step, "")
