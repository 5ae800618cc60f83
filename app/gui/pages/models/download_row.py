"""Row of one download: its name, a bar, the figures or the reason for the stop, two buttons."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QProgressBar, QWidget

from app.core.language import tr
from app.core.pace import Pace
from app.core.sizes import format_bytes, format_duration
from app.gui.services.download_list import Download
from app.gui.theme.restyle import restyle
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.plain_label import PlainLabel

_STEPS = 1000
_MOVING = frozenset({"waiting", "running", "stopping"})


class DownloadRow(QWidget):
    """Shows a download in each of its states.

    Signals:
        paused, resumed, canceled, discarded: the user wants that.
    """

    paused = Signal()
    resumed = Signal()
    canceled = Signal()
    discarded = Signal()

    def __init__(self, theme: Theme, download: Download, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.download = download
        self._name = PlainLabel(download.name, elide=True)
        self._figures = PlainLabel("", "caption", elide=True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, _STEPS)
        self._bar.setAccessibleName(download.name)
        # Each button keeps its place, and so the focus, when its action changes.
        self.go_button = Button(theme, "", icon_name="pause", compact=True)
        self.end_button = Button(theme, "", "quiet", icon_name="close", compact=True)
        _reserve_width(self.go_button, tr("Pause"), tr("Resume"))
        _reserve_width(self.end_button, tr("Cancel"), tr("Discard…"))
        self.go_button.clicked.connect(self._go)
        self.end_button.clicked.connect(self._end)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(SPACING.small)
        grid.setVerticalSpacing(SPACING.tiny)
        grid.addWidget(self._name, 0, 0)
        grid.addWidget(self._bar, 1, 0)
        grid.addWidget(self._figures, 2, 0)
        grid.addWidget(self.go_button, 0, 1, 3, 1)
        grid.addWidget(self.end_button, 0, 2, 3, 1)
        grid.setColumnStretch(0, 1)
        self.show_download(download)

    @property
    def words(self) -> str:
        """The figures, or the reason for the stop."""
        return self._figures.whole_text

    def show_download(self, download: Download) -> None:
        """Show another state of the download."""
        self.download = download
        words = _in_words(download)
        if words != self._figures.whole_text:
            self._figures.set_text(words)
            self._bar.setAccessibleDescription(words)
        failed = download.state == "failed"
        self._figures.set_tone("danger" if failed else "plain")
        restyle(self._bar, "state", "failed" if failed else "running")
        share = download.done_bytes / download.total_bytes if download.total_bytes else 0.0
        self._bar.setValue(round(_STEPS * min(1.0, share)))
        self._show_buttons()

    def _show_buttons(self) -> None:
        state = self.download.state
        is_moving = state in _MOVING
        go, end = (tr("Pause"), tr("Cancel")) if is_moving else (tr("Resume"), tr("Discard…"))
        self.go_button.set_text(go)
        self.go_button.set_icon("pause" if is_moving else "play")
        self.end_button.set_text(end)
        self.end_button.set_icon("close" if is_moving else "trash")
        for button, words in ((self.go_button, go), (self.end_button, end)):
            button.setAccessibleName(f"{words}: {self.download.name}")
        self.go_button.setVisible(state not in ("waiting", "foreign"))
        self.end_button.setVisible(state != "foreign")

    def _go(self) -> None:
        if self.download.state == "running":
            self.paused.emit()
        elif self.download.state not in _MOVING:
            self.resumed.emit()

    def _end(self) -> None:
        if self.download.state in ("waiting", "running"):
            self.canceled.emit()
        elif self.download.state not in _MOVING:
            self.discarded.emit()


def _reserve_width(button: Button, *texts: str) -> None:
    """Keep the width for each text, shown or not, so that the bars of all rows are alike."""
    policy = button.sizePolicy()
    policy.setRetainSizeWhenHidden(True)
    button.setSizePolicy(policy)
    widths = []
    for text in texts:
        button.setText(text)
        widths.append(button.sizeHint().width())
    button.setMinimumWidth(max(widths))


def _in_words(download: Download) -> str:
    if download.state == "running":
        return _progress_of(download)
    words = {
        "waiting": tr("Waiting for another download"),
        "stopping": tr("Stopping…"),
        "foreign": tr("Downloading outside this window"),
        "paused": tr("Paused"),
        "canceled": tr("Canceled"),
        "failed": download.sentence,
    }[download.state]
    return " · ".join((_share_of(download), words)) if download.done_bytes else words


def _progress_of(download: Download) -> str:
    if download.sentence:
        return download.sentence
    if not download.total_bytes or download.pace is None:
        return tr("Preparing…")
    return " · ".join((_share_of(download), *_speed(download.pace, download.total_bytes)))


def _share_of(download: Download) -> str:
    done, total = format_bytes(download.done_bytes), format_bytes(download.total_bytes)
    return tr("{done} of {total}", done=done, total=total)


def _speed(pace: Pace, total_bytes: int) -> list[str]:
    speed, left = pace.per_second(), pace.seconds_left(total_bytes)
    words = [] if speed is None else [tr("{size}/s", size=format_bytes(speed))]
    return words if left is None else [*words, tr("{time} left", time=format_duration(left))]
