"""Icon in the system tray, where there is one, for work that goes on without a window."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication, QMenu, QSystemTrayIcon

from app.core.language import tr

# Some systems remove a notification together with the icon that it belongs to.
_FAREWELL_MILLISECONDS = 3000


class TrayIcon(QObject):
    """Does nothing on a system without a tray.

    Signals:
        opened: the user wants the window back.
        stopped: the user wants the work to stop.
    """

    opened = Signal()
    stopped = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._icon: QSystemTrayIcon | None = None
        self._menu: QMenu | None = None

    def show(self) -> None:
        """Show the icon with its menu."""
        if self._icon is None and QSystemTrayIcon.isSystemTrayAvailable():
            self._menu = QMenu()
            self._menu.addAction(tr("Open Gristmill")).triggered.connect(self.opened)
            self._menu.addAction(tr("Stop and quit")).triggered.connect(self.stopped)
            self._icon = QSystemTrayIcon(QApplication.windowIcon(), self)
            self._icon.setContextMenu(self._menu)
            self._icon.activated.connect(self._on_activated)
        if self._icon is not None:
            self._icon.show()

    def hide(self) -> None:
        """Remove the icon."""
        if self._icon is not None:
            self._icon.hide()

    def notify_ended(self, failed: Sequence[str]) -> int:
        """Notify the user that the work has ended; return the milliseconds that this needs.

        Args:
            failed: a line about each task that failed.
        """
        if self._icon is None:
            return 0
        if failed:
            kind = QSystemTrayIcon.MessageIcon.Warning
            self._icon.showMessage(tr("Some jobs failed"), "\n".join(failed), kind)
        else:
            words = tr("The work in the background is finished, and Gristmill has quit.")
            self._icon.showMessage(tr("All done"), words, QApplication.windowIcon())
        return _FAREWELL_MILLISECONDS

    def _on_activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason == QSystemTrayIcon.ActivationReason.Trigger:
            self.opened.emit()
