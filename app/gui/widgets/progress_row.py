"""Show the progress, speed and remaining time of a task."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QProgressBar, QWidget

from app.core.language import tr
from app.core.pace import Pace
from app.core.sizes import format_bytes, format_duration
from app.gui.theme.restyle import restyle
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.icon_button import IconButton
from app.gui.widgets.plain_label import PlainLabel, Tone

_STEPS = 1000
_State = Literal["waiting", "running", "busy", "finished", "failed", "canceled"]
_TONES: dict[_State, Tone] = {"finished": "success", "failed": "danger"}
_WHOLE = (0, 1)


class ProgressRow(QWidget):
    """A title, a bar, and the figures below it.

    Signals:
        canceled: the user wants to stop the work.
    """

    canceled = Signal()

    def __init__(self, theme: Theme, title: str, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = PlainLabel(title, elide=True)
        self._detail = PlainLabel("", "caption", elide=True)
        self._figures = PlainLabel("", "caption", tabular=True)
        self._end = PlainLabel("", "caption", wrap=True, selectable=True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, _STEPS)
        self._bar.setAccessibleName(title)
        self._cancel = IconButton(theme, "close", self._cancel_name(title), compact=True)
        self._cancel.clicked.connect(self.canceled)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(SPACING.medium)
        grid.setVerticalSpacing(SPACING.tiny)
        grid.addWidget(self._title, 0, 0, 1, 2)
        grid.addWidget(self._bar, 1, 0, 1, 2)
        grid.addWidget(self._detail, 2, 0)
        grid.addWidget(self._figures, 2, 1)
        grid.addWidget(self._end, 3, 0, 1, 2)
        grid.addWidget(self._cancel, 0, 2, 2, 1)
        grid.setColumnStretch(0, 1)
        self.show_waiting(tr("Waiting…"))

    def set_detail(self, text: str) -> None:
        """Show the current item, for example a file."""
        self._detail.set_text(text)

    def show_waiting(self, text: str) -> None:
        """Show that the work has not started, and why."""
        self._show("waiting", 0, text)

    def show_progress(
        self,
        done_bytes: int,
        total_bytes: int,
        pace: Pace,
        *,
        part: tuple[int, int] = _WHOLE,
        shows_bytes: bool = True,
    ) -> None:
        """Show the progress.

        Args:
            done_bytes: the size of the finished part.
            total_bytes: the size of the whole, 0 if unknown.
            pace: the observations so far, for the speed and the time left.
            part: the index of the step that these sizes belong to, and the number of steps.
            shows_bytes: show sizes and a speed, not only the share and the time left.
        """
        done = format_bytes(done_bytes) if shows_bytes else ""
        if total_bytes > 0:
            share = min(1.0, done_bytes / total_bytes)
            index, count = part
            self._show("running", round((index + share) / count * _STEPS))
            done = f"{done} / {format_bytes(total_bytes)}" if shows_bytes else f"{share:.0%}"
        else:
            self._show("busy", _STEPS)
        others = self._speed(total_bytes, pace) if shows_bytes else self._left(total_bytes, pace)
        figures = " · ".join(part for part in (done, *others) if part)
        self._figures.set_text(figures)
        self._bar.setAccessibleDescription(figures)

    def show_share(self, share: float | None, text: str) -> None:
        """Show a share from 0 to 1 of work that isn't counted in bytes; None if it is unknown."""
        self._show("busy" if share is None else "running", round((share or 0.0) * _STEPS), text)
        if share is None:
            self._bar.setValue(_STEPS)

    def show_finished(self, text: str) -> None:
        """Show that the work is done."""
        self._show("finished", _STEPS, text)

    def show_failed(self, text: str) -> None:
        """Show that the work failed, and why."""
        self._show("failed", self._bar.value(), text)

    def show_canceled(self, text: str) -> None:
        """Show that the user stopped the work, and what is left of it."""
        self._show("canceled", self._bar.value(), text)

    def _show(self, state: _State, value: int, text: str = "") -> None:
        is_over = state in ("finished", "failed", "canceled")
        restyle(self._bar, "state", state)
        self._bar.setValue(value)
        self._cancel.setVisible(not is_over)
        self._detail.setVisible(not is_over)
        self._figures.setVisible(not is_over)
        self._figures.set_text("" if is_over else text)
        self._end.setVisible(is_over)
        self._end.set_text(text)
        self._end.set_tone(_TONES.get(state, "plain"))
        self._bar.setAccessibleDescription(text)

    def _speed(self, total_bytes: int, pace: Pace) -> list[str]:
        speed = pace.per_second()
        if speed is None:
            return [tr("measuring speed…")]
        rate = tr("{size}/s", size=format_bytes(speed))
        return [rate, *(self._left(total_bytes, pace) or [tr("total size unknown")])]

    def _left(self, total_bytes: int, pace: Pace) -> list[str]:
        left = pace.seconds_left(total_bytes)
        return [] if left is None else [tr("{time} left", time=format_duration(left))]

    def _cancel_name(self, title: str) -> str:
        return tr("Cancel: {title}", title=title)
