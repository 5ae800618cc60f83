"""Spin box for a number that can be left to the program."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QWidget

from app.core.language import tr
from app.gui.theme.tokens import SPACING
from app.gui.widgets.number_box import NumberBox


class AutoSpinBox(QWidget):
    """An "Automatic" box and a number; the value is None while the box is checked.

    Args:
        name: the accessible name of the number.
        minimum: the smallest number.
        maximum: the largest number.
        suggested: the first number after the box is unchecked.

    Signals:
        changed: the user changed the value.
    """

    changed = Signal()

    def __init__(
        self,
        name: str,
        minimum: int,
        maximum: int,
        suggested: int,
        *,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._suggested = suggested
        self._automatic = QCheckBox(tr("Automatic"))
        self._automatic.setAccessibleName(tr("{name}: automatic", name=name))
        self._number = NumberBox(minimum, maximum)
        self._number.setAccessibleName(name)
        self._number.setValue(suggested)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.medium)
        row.addWidget(self._automatic)
        row.addWidget(self._number, 1)
        self.setFocusProxy(self._automatic)
        self.set_value(None)
        self._automatic.toggled.connect(self._number.setDisabled)
        self._automatic.clicked.connect(self.changed)
        self._number.valueChanged.connect(self.changed)

    @property
    def value(self) -> int | None:
        """The number, or None for automatic."""
        return None if self._automatic.isChecked() else self._number.value()

    def set_value(self, value: int | None) -> None:
        """Show a value without emitting `changed`."""
        was_blocked = self._number.blockSignals(True)
        self._number.setValue(self._suggested if value is None else value)
        self._number.blockSignals(was_blocked)
        self._automatic.setChecked(value is None)
        self._number.setEnabled(value is not None)

    def set_range(self, minimum: int, maximum: int) -> None:
        """Change the bounds, for example when another model is chosen."""
        self._number.setRange(minimum, maximum)
