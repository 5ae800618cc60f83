"""Tell turns of the wheel that scroll a block sideways from those that scroll the page."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QAbstractScrollArea


def is_sideways(event: QWheelEvent) -> bool:
    """Return whether the wheel is tilted, or turned with Shift held."""
    return bool(event.angleDelta().x() or event.modifiers() & Qt.KeyboardModifier.ShiftModifier)


class SidewaysBar(QObject):
    """Leaves wheel events over a block's horizontal scroll bar to the page.

    The bar would take all of them, even at its end.
    """

    def __init__(self, area: QAbstractScrollArea) -> None:
        super().__init__(area)
        area.horizontalScrollBar().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Pass the event to the block, which passes it on."""
        if isinstance(event, QWheelEvent) and not is_sideways(event):
            event.ignore()
            return True
        return super().eventFilter(watched, event)
