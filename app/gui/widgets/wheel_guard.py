"""Keep the mouse wheel for scrolling unless a control has the focus."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QAbstractSlider, QAbstractSpinBox, QComboBox, QScrollBar, QWidget

_TURNED = (QAbstractSlider, QAbstractSpinBox, QComboBox)


class WheelGuard(QObject):
    """Filters wheel events of the sliders, number boxes and combo boxes below a widget."""

    def __init__(self, watched: QWidget) -> None:
        super().__init__(watched)
        for control in watched.findChildren(QWidget):
            if isinstance(control, _TURNED) and not isinstance(control, QScrollBar):
                control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
                control.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Pass the wheel from a control without the focus to its parent."""
        is_wheel = event.type() == QEvent.Type.Wheel
        if is_wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)
