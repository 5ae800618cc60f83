"""Row of one download: its name, a bar, the figures or the reason for the stop, its buttons."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QMenu,
    QProgressBar,
    QSizePolicy,
    QWidget,
)

from app.core.language import tr
from app.core.pace import Pace
from app.core.sizes import format_bytes, format_duration
from app.gui.services.download_state import Download
from app.gui.theme.restyle import restyle
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.icon_button import IconButton
from app.gui.widgets.plain_label import PlainLabel
from app.library.download_queue import Move

_STEPS = 1000
_KEYS: dict[Move, str] = {"up": "Alt+Up", "down": "Alt+Down", "top": "Alt+Home"}


class DownloadRow(QWidget):
    """Shows a download in each of its states.

    Signals:
        paused, resumed, discarded: the user wants that.
        moved: the user wants another place in the queue; a `Move`.
    """

    paused = Signal()
    resumed = Signal()
    discarded = Signal()
    moved = Signal(str)

    def __init__(self, theme: Theme, download: Download, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.download = download
        self._words = ""
        self._name = PlainLabel(download.name, elide=True)
        self._figures = PlainLabel("", "caption", elide=True)
        self._reason = PlainLabel("", "caption", wrap=True)
        self._reason.set_tone("danger")
        self._file = PlainLabel("", "caption", elide=True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, _STEPS)
        self._bar.setAccessibleName(download.name)
        # It keeps its place, and so the focus, when its action changes.
        self.go_button = Button(theme, "", icon_name="pause", compact=True)
        self.discard_button = Button(
            theme, tr("Discard…"), "quiet", icon_name="trash", compact=True
        )
        words = tr("More: {name}", name=download.name)
        self.more_button = IconButton(theme, "more", words, compact=True)
        self._build_layout()
        self.go_button.clicked.connect(self._go)
        self.discard_button.clicked.connect(self.discarded)
        self.more_button.clicked.connect(self._show_menu_below)
        for where, keys in _KEYS.items():
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(lambda where=where: self.moved.emit(where))
        self.show_download(download)

    @property
    def controls(self) -> tuple[QWidget, ...]:
        """The stops of Tab, in order."""
        return (self.go_button, self.discard_button, self.more_button)

    @property
    def words(self) -> str:
        """The figures, or the reason for the stop."""
        return self._words

    def show_download(self, download: Download) -> None:
        """Show another state of the download."""
        self.download = download
        is_running = download.state == "running"
        words, file = _in_words(download), download.file if is_running else ""
        failed = download.state == "failed"
        if (words, file) != (self.words, self._file.whole_text):
            self._words = words
            # A reason is a long sentence, whose end matters as much as its beginning.
            self._reason.set_text(words if failed else "")
            self._figures.set_text("" if failed else words)
            self._file.set_text(file)
            self._bar.setAccessibleDescription(" · ".join(filter(None, (words, file))))
        self._reason.setVisible(failed)
        self._figures.setVisible(not failed)
        self._file.setVisible(bool(file))
        restyle(self._bar, "state", "failed" if failed else "running")
        share = download.done_bytes / download.total_bytes if download.total_bytes else 0.0
        self._bar.setValue(round(_STEPS * min(1.0, share)))
        self._show_buttons()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what can be done with the download."""
        self._show_menu(event.globalPos())

    def _build_layout(self) -> None:
        _reserve_width(self.go_button, tr("Pause"), tr("Resume"))
        # The figures come first where there is not room for both.
        self._file.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._file.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for widget in self.controls:
            policy = widget.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            widget.setSizePolicy(policy)
        self.discard_button.setAccessibleName(tr("Discard…: {name}", name=self.download.name))
        line = QHBoxLayout()
        line.setSpacing(SPACING.medium)
        line.addWidget(self._figures)
        line.addWidget(self._file, 1)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(SPACING.small)
        grid.setVerticalSpacing(SPACING.tiny)
        grid.addWidget(self._name, 0, 0)
        grid.addWidget(self._bar, 1, 0)
        grid.addLayout(line, 2, 0)
        grid.addWidget(self._reason, 3, 0)
        for column, widget in enumerate(self.controls, start=1):
            grid.addWidget(widget, 0, column, 4, 1)
        grid.setColumnStretch(0, 1)

    def _show_buttons(self) -> None:
        is_resumed_here = self.download.can_resume
        words = tr("Resume") if is_resumed_here else tr("Pause")
        self.go_button.set_text(words)
        self.go_button.set_icon("play" if is_resumed_here else "pause")
        self.go_button.setAccessibleName(f"{words}: {self.download.name}")
        for widget in self.controls:
            widget.setVisible(self.download.state != "foreign")

    def _go(self) -> None:
        if self.download.can_pause:
            self.paused.emit()
        elif self.download.can_resume:
            self.resumed.emit()

    def _show_menu_below(self) -> None:
        self._show_menu(self.more_button.mapToGlobal(QPoint(0, self.more_button.height())))

    def _show_menu(self, place: QPoint) -> None:
        if self.download.state == "foreign":
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        places = {"up": tr("Move up"), "down": tr("Move down"), "top": tr("Download first")}
        for where, keys in _KEYS.items():
            action = menu.addAction(places[where], lambda where=where: self.moved.emit(where))
            action.setShortcut(QKeySequence(keys))
            # The keys work in the row, where nothing else may claim them.
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            action.setEnabled(where in self.download.moves)
        menu.addSeparator()
        menu.addAction(tr("Pause"), self.paused.emit).setEnabled(self.download.can_pause)
        menu.addAction(tr("Resume"), self.resumed.emit).setEnabled(self.download.can_resume)
        menu.addAction(tr("Discard…"), self.discarded.emit)
        menu.popup(place)


def _reserve_width(button: Button, *texts: str) -> None:
    """Reserve the width for each text, so that the bars of all rows have the same width."""
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
        "failed": download.sentence,
    }[download.state]
    if not download.done_bytes:
        return words
    parts = (_share_of(download), words)
    return " · ".join(reversed(parts) if download.state == "failed" else parts)


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
