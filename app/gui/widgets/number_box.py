"""Box for a whole number that says why it refuses the number typed."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import Signal
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QSpinBox, QWidget

from app.core.language import tr

_Validation = tuple[QValidator.State, str, int]


class NumberBox(QSpinBox):
    """A number within bounds; one beyond them can be typed, but is refused.

    A plain spin box ignores the digits that would lead beyond its bounds, and accepts the rest.
    Here, a number that no further digit brings within them is refused while it is typed, and any
    other one when the editing ends and the box returns to its last number.

    Args:
        minimum: the smallest number.
        maximum: the largest number.

    Signals:
        validated: why the typed number is refused; empty if it is accepted.
    """

    validated = Signal(str)

    def __init__(self, minimum: int = 0, maximum: int = 99, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fault = self._unit = ""
        self.setRange(minimum, maximum)
        self.setKeyboardTracking(False)
        self.setGroupSeparatorShown(True)
        self.valueChanged.connect(lambda _: self.validated.emit(""))
        self.editingFinished.connect(self._report_fault)
        self.lineEdit().textEdited.connect(self._report_typed)

    def set_unit(self, unit: str) -> None:
        """Show a unit behind the number, and name it in refusals."""
        self._unit = f" {unit}"
        self.setSuffix(self._unit)

    def validate(self, text: str, position: int) -> _Validation:
        """Let any number be typed."""
        validated = super().validate(text, position)
        state, text, position = cast("_Validation", validated)
        if state == QValidator.State.Invalid and self._is_number(text):
            state = QValidator.State.Intermediate
        return state, text, position

    def fixup(self, text: str) -> str:
        """Note that the typed number is out of bounds; the box returns to the one before."""
        self._fault = self._refusal()
        return super().fixup(text)

    def _report_fault(self) -> None:
        fault, self._fault = self._fault, ""
        self.validated.emit(fault)

    def _report_typed(self, text: str) -> None:
        number, is_number = self._number_in(text)
        is_refused = is_number and not _can_grow_into(number, self.minimum(), self.maximum())
        self.validated.emit(self._refusal() if is_refused else "")

    def _refusal(self) -> str:
        return tr(
            "Enter a number from {least} to {most}.",
            least=self.minimum(),
            most=f"{self.maximum():,}{self._unit}",
        )

    def _is_number(self, text: str) -> bool:
        return self._number_in(text)[1]

    def _number_in(self, text: str) -> tuple[int, bool]:
        bare = text.removeprefix(self.prefix()).removesuffix(self.suffix())
        return self.locale().toLongLong(bare)


def _can_grow_into(number: int, least: int, most: int) -> bool:
    """Return whether a number is within bounds as it is, or with digits after it."""
    if number < 0 or least < 0:
        return least <= number <= most
    first = last = number
    while last < least:
        first, last = 10 * first, 10 * last + 9
    return first <= most


def number_boxes(control: QWidget) -> list[NumberBox]:
    """Return the number boxes of a control, which may be one itself."""
    return [control] if isinstance(control, NumberBox) else control.findChildren(NumberBox)
