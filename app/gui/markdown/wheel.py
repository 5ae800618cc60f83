"""Tell turns of the wheel that scroll a block sideways from those that scroll the page."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QWheelEvent


def is_sideways(event: QWheelEvent) -> bool:
    """Return whether the wheel is tilted, or turned with Shift held."""
    return bool(event.angleDelta().x() or event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
