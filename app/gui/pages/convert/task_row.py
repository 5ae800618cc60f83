"""Show one task of a conversion, step by step."""

from __future__ import annotations

import re
import time

from PySide6.QtWidgets import QWidget

from app.core.allocation_events import MEASURING_STEPS
from app.core.events import Progressed
from app.core.language import tr
from app.gui.children.task import Task
from app.gui.pages.convert.conversion_run import Step, step_in_words
from app.gui.theme.theme import Theme
from app.gui.widgets.progress_row import ProgressRow

_LAYER = re.compile(r"(?:^|\.)blk\.(\d+)\.")


class TaskRow(ProgressRow):
    """Follows a task to its end, and lets the user cancel it.

    Args:
        theme: colors.
        task: the task.
        steps: the names of its steps, in order.
        first: the number of its first step among those of the whole conversion.
        total: the number of steps of the whole conversion.
    """

    def __init__(
        self,
        theme: Theme,
        task: Task,
        steps: tuple[Step, ...],
        *,
        first: int = 1,
        total: int = 1,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, task.title, parent=parent)
        self.task = task
        self._steps = steps
        self._first, self._total = first, total
        self._show_waiting()
        task.changed.connect(self._follow)
        task.ended.connect(self._show_end)
        self.canceled.connect(task.cancel)

    @property
    def makes_files(self) -> bool:
        """True if the task converts; a download only comes before that."""
        return self.task.kind == "convert"

    @property
    def is_unfinished(self) -> bool:
        """True if the task failed or was canceled."""
        return self.task.state in ("failed", "canceled")

    def _show_waiting(self) -> None:
        self.set_detail(self._words_for(0))
        if self.task.state != "waiting":
            self.show_waiting(tr("Preparing…"))
        elif self.task.after is not None:
            self.show_waiting(tr("Waiting for the download…"))
        else:
            self.show_waiting(tr("Waiting…"))

    def _follow(self) -> None:
        progress, step = self.task.progress, self.task.step
        if self.task.is_over:
            return
        if progress is None or step < 0:
            self._show_waiting()
            return
        if progress.step != self._steps[step].progress:
            return
        words = self._words_for(step)
        part = _part_in_words(progress) or self._forecast_in_words(progress)
        self.set_detail(f"{words} · {part}" if part else words)
        done, total = progress.done_bytes, progress.total_bytes
        self.show_progress(
            done,
            total,
            self.task.pace,
            part=(step, len(self._steps)),
            shows_bytes=progress.step not in MEASURING_STEPS,
        )

    def _forecast_in_words(self, progress: Progressed) -> str:
        forecast, left = self.task.forecast, self.task.pace.seconds_left(progress.total_bytes)
        return forecast.in_words(left, time.monotonic()) if forecast else ""

    def _words_for(self, index: int) -> str:
        return step_in_words(self._steps, index, first=self._first, total=self._total)

    def _show_end(self) -> None:
        if self.task.state == "finished":
            self.show_finished(tr("Done"))
        elif self.task.state == "failed":
            self.show_failed(tr("Not converted") if self.makes_files else tr("Not downloaded"))
        elif self.makes_files:
            self.show_canceled(tr("Canceled. No files were left behind."))
        else:
            self.show_canceled(tr("Canceled. What was downloaded is kept."))


def _part_in_words(progress: Progressed) -> str:
    """Return the part that is being worked on, for tensors the layer instead of their name."""
    if progress.step != "convert":
        return progress.detail if progress.step == "download" else ""
    if layer := _LAYER.search(progress.detail):
        return tr("layer {number}", number=int(layer[1]) + 1)
    if progress.detail.startswith("token_embd"):
        return tr("token embeddings")
    return tr("output layer") if progress.detail.startswith("output") else ""
