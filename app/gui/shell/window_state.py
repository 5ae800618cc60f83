"""What the window remembers across starts: its size and position, and the muted notices."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QByteArray, QRect, QSettings, QSize
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from app.core import paths

_USUAL_SIZE = QSize(1240, 800)
_SMALLEST_SIZE = QSize(720, 420)
# The system adds a title bar and edges, whose size is known only after the window is shown.
_FRAME = QSize(8, 40)
_GEOMETRY = "geometry"
_MUTED = "muted"


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
        if not (isinstance(saved, QByteArray) and window.restoreGeometry(saved)):
            window.resize(_USUAL_SIZE)
        screen = QGuiApplication.screenAt(window.geometry().center()) or window.screen()
        fit(window, screen.availableGeometry())

    @property
    def muted(self) -> frozenset[str]:
        """The notices that the user never wants to see again."""
        saved = self._file.value(_MUTED)
        # A list of one comes back as its only item.
        sentences = saved if isinstance(saved, list) else [saved]
        return frozenset(one for one in sentences if isinstance(one, str))

    def mute(self, sentences: Sequence[str]) -> None:
        """Remember that the user never wants to see these notices again."""
        self._file.setValue(_MUTED, sorted({*self.muted, *sentences}))


def fit(window: QWidget, available: QRect) -> None:
    """Shrink and move a window so that it fits on the screen."""
    room = available.size() - _FRAME
    window.setMinimumSize(_SMALLEST_SIZE.boundedTo(room))
    if window.isMaximized():
        return
    window.resize(window.size().boundedTo(room))
    place = window.geometry()
    if not available.contains(place):
        place.moveRight(min(place.right(), available.right()))
        place.moveBottom(min(place.bottom(), available.bottom()))
        place.moveLeft(max(place.left(), available.left()))
        place.moveTop(max(place.top(), available.top() + _FRAME.height()))
        window.move(place.topLeft())
