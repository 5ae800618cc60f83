"""Number with useful steps on a slider, and any value in the box beside it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSlider, QWidget

from app.gui.theme.tokens import SPACING
from app.gui.widgets.number_box import NumberBox


class StepSlider(QWidget):
    """A slider over a few steps, and a number.

    Args:
        name: the accessible name of both.
        minimum: the smallest number.
        maximum: the largest number.
        steps: the values at which the slider stops, ascending.

    Signals:
        changed: the user changed the value.
    """

    changed = Signal()

    def __init__(
        self,
        name: str,
        minimum: int,
        maximum: int,
        steps: Sequence[int],
        *,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._minimum = minimum
        self._steps: Sequence[int] = ()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setPageStep(1)
        self.number = NumberBox(minimum, maximum)
        self.number.setSingleStep(minimum)
        for control in (self.slider, self.number):
            control.setAccessibleName(name)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.medium)
        row.addWidget(self.slider, 1)
        row.addWidget(self.number)
        self.setFocusProxy(self.slider)
        self.set_steps(steps)
        self.slider.valueChanged.connect(lambda index: self.number.setValue(self._steps[index]))
        self.number.valueChanged.connect(self._on_changed)

    @property
    def value(self) -> int:
        """The number."""
        return self.number.value()

    def set_value(self, value: int) -> None:
        """Show a value without emitting `changed`."""
        with QSignalBlocker(self.number):
            self.number.setValue(value)
        self._show()

    def set_maximum(self, maximum: int) -> None:
        """Set the largest number."""
        with QSignalBlocker(self.number):
            self.number.setRange(min(self._minimum, maximum), maximum)
        self._show()

    def set_range(self, minimum: int, maximum: int, steps: Sequence[int]) -> None:
        """Set the bounds and the steps of the slider, keeping the value within them."""
        self._minimum = minimum
        with QSignalBlocker(self.number):
            self.number.setRange(minimum, maximum)
        self.set_steps(steps)

    def set_steps(self, steps: Sequence[int]) -> None:
        """Change the steps of the slider."""
        self._steps = steps
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, len(steps) - 1)
        self._show()

    def _on_changed(self) -> None:
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        """Move the slider to the last step that is not beyond the number."""
        with QSignalBlocker(self.slider):
            self.slider.setValue(max(0, bisect_right(self._steps, self.number.value()) - 1))
