"""Split layers across several devices, automatically or by a share for each."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QCheckBox, QDoubleSpinBox, QGridLayout, QWidget

from app.core.language import tr, tr_count
from app.gui.theme.tokens import SPACING
from app.gui.widgets.plain_label import PlainLabel

_FEWEST_DEVICES = 2


class SplitFields(QWidget):
    """An "Automatic" box and a number for each device; the value is empty if automatic.

    Args:
        name: the accessible name.
        largest: the largest share.

    Signals:
        changed: the user changed the value.
    """

    changed = Signal()

    def __init__(self, name: str, largest: float, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._largest = largest
        self._devices: Sequence[str] = ()
        self._value: tuple[float, ...] = ()
        self.numbers: list[_Share] = []
        self._labels: list[PlainLabel] = []
        self.automatic = QCheckBox(tr("Automatic"))
        self.automatic.setAccessibleName(tr("{name}: automatic", name=name))
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(SPACING.medium)
        self._grid.setVerticalSpacing(SPACING.tiny)
        self._grid.setColumnStretch(0, 1)
        self._grid.addWidget(self.automatic, 0, 0, 1, 2)
        self.setFocusProxy(self.automatic)
        self.set_value(())
        self.automatic.clicked.connect(self._on_automatic)

    @property
    def value(self) -> tuple[float, ...]:
        """The share of each device, in the engine's order; empty if automatic."""
        return self._value

    def set_value(self, value: tuple[float, ...]) -> None:
        """Show a value without emitting `changed`."""
        self._value = value
        self.automatic.setChecked(not value)
        self._have_numbers(len(self._devices) or max(_FEWEST_DEVICES, len(value)))
        for index, number in enumerate(self.numbers):
            number.setVisible(bool(value))
            self._labels[index].setVisible(bool(value or self._devices))
            with QSignalBlocker(number):
                number.setValue(value[index] if index < len(value) else 0 if value else 1)

    def set_devices(self, devices: Sequence[str]) -> None:
        """Set the devices; none while they are unknown."""
        self._devices = devices
        self._have_numbers(0)
        self.set_value(self._value)

    def set_planned(self, layers: Sequence[int]) -> None:
        """Show how many layers each device gets."""
        for device, count, label in zip(self._devices, layers, self._labels, strict=False):
            words = tr_count("{device}: 1 layer", "{device}: {count} layers", count, device=device)
            if words != label.whole_text:
                label.set_text(words)

    def _have_numbers(self, count: int) -> None:
        while len(self.numbers) > count:
            for widget in (self.numbers.pop(), self._labels.pop()):
                widget.hide()
                widget.deleteLater()
        while len(self.numbers) < count:
            self._add_number()

    def _add_number(self) -> None:
        index = len(self.numbers)
        unnamed = tr("Device {number}", number=str(index + 1))
        device = self._devices[index] if self._devices else unnamed
        number = _Share(self._largest)
        number.setAccessibleName(f"{self._name}: {device}")
        label = PlainLabel(device, "caption", elide=True)
        self._grid.addWidget(label, index + 1, 0)
        self._grid.addWidget(number, index + 1, 1)
        number.valueChanged.connect(self._on_numbers)
        self.numbers.append(number)
        self._labels.append(label)

    def _on_automatic(self) -> None:
        shares = (1.0,) * len(self.numbers)
        self.set_value(() if self.automatic.isChecked() else shares)
        self.changed.emit()

    def _on_numbers(self) -> None:
        self._value = tuple(number.value() for number in self.numbers)
        self.changed.emit()


class _Share(QDoubleSpinBox):
    """A number without trailing zeros."""

    def __init__(self, largest: float) -> None:
        super().__init__()
        self.setRange(0, largest)
        self.setDecimals(3)
        self.setKeyboardTracking(False)

    def textFromValue(self, value: float) -> str:
        """Return the number without trailing zeros, such as `3` instead of `3.000`."""
        return self.locale().toString(value, "g", 6)
