"""Number box that shows what applies while the user has chosen nothing."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QDoubleSpinBox, QWidget

from app.core.option_fields import OptionField

_DECIMALS = 2


class OptionalNumber(QDoubleSpinBox):
    """A number, or None; an emptied field is None again.

    Args:
        field: title, bounds and step.

    Signals:
        changed: the user chose another value, or none.
    """

    changed = Signal(object)

    def __init__(self, field: OptionField, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._minimum = field.minimum
        self._is_whole = field.step >= 1
        self._start = field.minimum
        self._shown: float | None = None
        self.setAccessibleName(field.title)
        self.setDecimals(0 if self._is_whole else _DECIMALS)
        self.setSingleStep(field.step)
        # The place below the smallest number stands for None.
        self.setRange(field.minimum - field.step, field.maximum)
        self.setKeyboardTracking(False)
        self.valueChanged.connect(self._note)

    @property
    def number(self) -> float | None:
        """The number, or None."""
        value = self.value()
        if value < self._minimum:
            return None
        return int(value) if self._is_whole else round(value, _DECIMALS)

    def show_number(self, number: float | None, *, otherwise: str, start: float | None) -> None:
        """Show a number, or what applies otherwise, without emitting `changed`.

        Args:
            number: what the user chose, or None.
            otherwise: shown for None.
            start: the number from which the user's first step goes.
        """
        self._shown = number
        self._start = self._minimum if start is None else start
        was_blocked = self.blockSignals(True)
        self.setSpecialValueText(otherwise)
        self.setValue(self.minimum() if number is None else number)
        self.blockSignals(was_blocked)
        self.lineEdit().home(False)

    def stepBy(self, steps: int) -> None:
        """Step from the number that applies; the first number is never below the smallest."""
        if self.number is None:
            self.setValue(max(self._minimum, self._start + steps * self.singleStep()))
        else:
            self.setValue(max(self._minimum, self.value() + steps * self.singleStep()))

    def stepEnabled(self) -> QDoubleSpinBox.StepEnabledFlag:
        """Allow both directions from what applies, and no step to None."""
        number = self._start if self.number is None else self.value()
        allowed = QDoubleSpinBox.StepEnabledFlag.StepNone
        if number < self.maximum():
            allowed |= QDoubleSpinBox.StepEnabledFlag.StepUpEnabled
        if number > self._minimum:
            allowed |= QDoubleSpinBox.StepEnabledFlag.StepDownEnabled
        return allowed

    def validate(self, text: str, position: int) -> object:
        """Accept an emptied field."""
        if not text.strip():
            return (QValidator.State.Acceptable, text, position)
        return super().validate(text, position)

    def valueFromText(self, text: str) -> float:
        """Return the typed number, or the value that stands for None if the field was emptied."""
        return super().valueFromText(text) if text.strip() else self.minimum()

    def textFromValue(self, value: float) -> str:
        """Return the number without needless zeros."""
        return super().textFromValue(value) if self._is_whole else f"{value:g}"

    def _note(self) -> None:
        if self.number != self._shown:
            self._shown = self.number
            self.changed.emit(self.number)
