"""Import what the first message needs, piece by piece, once the window is shown.

At the first message, all of it together would stop the window for a tenth of a second.
"""

from __future__ import annotations

import gc
import importlib

from PySide6.QtCore import QObject, QTimer

_INTERVAL_MILLISECONDS = 20
_MODULES = ("markdown_it", "app.gui.markdown.prose", "app.gui.pages.chat.message_view")


class EarlyImports(QObject):
    """Imports one module after the other, with events between them."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._left = list(_MODULES)
        self._timer = QTimer(self, interval=_INTERVAL_MILLISECONDS)
        self._timer.timeout.connect(self._import_next)
        self._timer.start()

    def _import_next(self) -> None:
        importlib.import_module(self._left.pop(0))
        if not self._left:
            # Modules stay for good: no collection needs to check them.
            gc.freeze()
            self._timer.stop()
