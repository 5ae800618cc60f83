"""The window's memory across starts: its place, muted notices, and unreported results."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QByteArray, QMargins, QRect, QSettings, QSize
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from app.core import paths

_USUAL_SIZE = QSize(1240, 800)
_SMALLEST_SIZE = QSize(720, 420)
# The system adds a title bar and edges, whose size is known only after the window is shown.
_FRAME = QMargins(4, 36, 4, 4)
_GEOMETRY = "geometry"
_MUTED = "muted"
_RESULTS = "results"
_MOST_RESULTS = 20


class WindowState:
    """Reads and writes `window.ini` in the data folder."""

    def __init__(self) -> None:
        self._file = QSettings(str(paths.home() / "window.ini"), QSettings.Format.IniFormat)

    def save_geometry(self, window: QWidget) -> None:
        """Remember the size and position of the window."""
        self._file.setValue(_GEOMETRY, window.saveGeometry())

    def restore_geometry(self, window: QWidget) -> None:
        """Give the window its last size and position, or its first, within the screen."""
        saved = self._file.value(_GEOMETRY)
        is_known = isinstance(saved, QByteArray) and window.restoreGeometry(saved)
        if not is_known:
            window.resize(_USUAL_SIZE)
        screen = QGuiApplication.screenAt(window.geometry().center()) or window.screen()
        fit(window, screen.availableGeometry(), is_placed=is_known)

    @property
    def muted(self) -> frozenset[str]:
        """The notices that the user never wants to see again."""
        return frozenset(self._sentences(_MUTED))

    def mute(self, sentences: Sequence[str]) -> None:
        """Remember that the user never wants to see these notices again."""
        self._file.setValue(_MUTED, sorted({*self.muted, *sentences}))

    def keep_result(self, line: str) -> None:
        """Remember how a task ended while there was no window."""
        self._file.setValue(_RESULTS, [*self._sentences(_RESULTS), line][-_MOST_RESULTS:])
        # The program may be ended at any time.
        self._file.sync()

    def take_results(self) -> list[str]:
        """Return how tasks ended while there was no window, and forget it."""
        lines = self._sentences(_RESULTS)
        self._file.remove(_RESULTS)
        return lines

    def _sentences(self, key: str) -> list[str]:
        saved = self._file.value(key)
        # A list of one comes back as its only item.
        sentences = saved if isinstance(saved, list) else [saved]
        return [one for one in sentences if isinstance(one, str)]


def fit(window: QWidget, available: QRect, *, is_placed: bool) -> None:
    """Shrink a window to fit on a screen; move it there unless the system places it."""
    inside = available.marginsRemoved(_FRAME)
    window.setMinimumSize(_SMALLEST_SIZE.boundedTo(inside.size()))
    if window.isMaximized():
        return
    window.resize(window.size().boundedTo(inside.size()))
    place = window.geometry()
    if is_placed and not inside.contains(place):
        place.moveRight(min(place.right(), inside.right()))
        place.moveBottom(min(place.bottom(), inside.bottom()))
        place.moveLeft(max(place.left(), inside.left()))
        place.moveTop(max(place.top(), inside.top()))
        window.setGeometry(place)
