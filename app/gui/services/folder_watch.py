"""Watch the folders of the library, and report changes once they have settled."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer, Signal

_REST_SECONDS = 1.0
_SECONDS_BETWEEN = 15.0


class FolderWatch(QObject):
    """Watches folders that exist, but not those below them.

    Signals:
        changed: files or folders came or went; at most once in 15 seconds.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._watcher = QFileSystemWatcher(self)
        self._timer = QTimer(self, singleShot=True)
        self._reported = float("-inf")
        self._watcher.directoryChanged.connect(self._on_changed)
        self._timer.timeout.connect(self._report)

    def set_folders(self, folders: Sequence[str]) -> None:
        """Watch these folders and no others."""
        before, now = set(self._watcher.directories()), set(folders)
        if before - now:
            self._watcher.removePaths(sorted(before - now))
        if now - before:
            self._watcher.addPaths(sorted(now - before))

    def stop(self) -> None:
        """Watch nothing and report nothing any more."""
        self._timer.stop()
        self.set_folders(())

    def _on_changed(self) -> None:
        if not self._timer.isActive():
            # A download changes its folder all the time.
            wait = max(_REST_SECONDS, self._reported + _SECONDS_BETWEEN - time.monotonic())
            self._timer.start(round(wait * 1000))

    def _report(self) -> None:
        self._reported = time.monotonic()
        self.changed.emit()
