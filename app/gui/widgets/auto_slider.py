"""Slider for a number that can be left to the program, which then shows its choice."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QSizePolicy, QSlider, QWidget

from app.core.language import tr
from app.gui.theme.tokens import SPACING
from app.gui.widgets.number_box import NumberBox


class AutoSlider(QWidget):
    """An "Automatic" box, a slider and a number; the value is None while the box is checked.

    Then slider and number show the planned value; moving one of them unchecks the box.

    Args:
        name: the accessible name of slider and number.
        maximum: the largest number until another is set; the smallest is 0.

    Signals:
        changed: the user changed the value.
    """

    changed = Signal()

    def __init__(self, name: str, maximum: int, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._maximum = maximum
        self._value: int | None = None
        self._planned = 0
        self.automatic = QCheckBox(tr("Automatic"))
        self.automatic.setAccessibleName(tr("{name}: automatic", name=name))
        self.automatic.setChecked(True)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.number = NumberBox()
        for control in (self.slider, self.number):
            control.setAccessibleName(name)
        self.number.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.medium)
        row.addWidget(self.automatic)
        row.addWidget(self.slider, 1)
        row.addStretch()
        row.addWidget(self.number)
        self.setFocusProxy(self.automatic)
        self.set_maximum(None)
        self.automatic.toggled.connect(self._on_toggled)
        self.slider.valueChanged.connect(self._take)
        self.number.valueChanged.connect(self._take)

    @property
    def value(self) -> int | None:
        """The number, possibly beyond the range of the slider, or None for automatic."""
        return self._value

    def set_value(self, value: int | None) -> None:
        """Show a value without emitting `changed`."""
        self._value = value
        with QSignalBlocker(self.automatic):
            self.automatic.setChecked(value is None)
        self._show()

    def set_planned(self, planned: int) -> None:
        """Set the planned value."""
        self._planned = planned
        self._show()

    def set_maximum(self, maximum: int | None) -> None:
        """Set the largest number; None means unknown and hides the slider."""
        self.slider.setVisible(maximum is not None)
        with QSignalBlocker(self.slider), QSignalBlocker(self.number):
            for control in (self.slider, self.number):
                control.setRange(0, self._maximum if maximum is None else maximum)
            self.number.setSuffix(
                "" if maximum is None else tr(" of {maximum}", maximum=str(maximum))
            )
        self._show()

    def _show(self) -> None:
        # Without a slider there is no planned value to show.
        self.number.setVisible(self._value is not None or not self.slider.isHidden())
        shown = self._planned if self._value is None else self._value
        with QSignalBlocker(self.slider), QSignalBlocker(self.number):
            self.slider.setValue(shown)
            self.number.setValue(shown)

    def _on_toggled(self, is_automatic: bool) -> None:  # noqa: FBT001 - a signal's value
        self.set_value(None if is_automatic else self.number.value())
        self.changed.emit()

    def _take(self, number: int) -> None:
        self.set_value(number)
        self.changed.emit()
