"""Box for a whole number that says why it doesn't take a typed one."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import Signal
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QSpinBox, QWidget

from app.core.language import tr

_Judgment = tuple[QValidator.State, str, int]


class NumberBox(QSpinBox):
    """A number within bounds; one beyond them can be typed, but is refused.

    A plain spin box ignores the digits that would lead beyond its bounds, and takes the rest.

    Args:
        least: the smallest number.
        most: the largest number.

    Signals:
        judged: why the typed number is refused; empty if it is taken.
    """

    judged = Signal(str)

    def __init__(self, least: int = 0, most: int = 99, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fault = ""
        self.setRange(least, most)
        self.setKeyboardTracking(False)
        self.setGroupSeparatorShown(True)
        self.editingFinished.connect(self._judge)

    def validate(self, text: str, position: int) -> _Judgment:
        """Let any number be typed."""
        judged = super().validate(text, position)
        state, text, position = cast("_Judgment", judged)
        if state == QValidator.State.Invalid and self._is_number(text):
            state = QValidator.State.Intermediate
        return state, text, position

    def fixup(self, text: str) -> str:
        """Note that the typed number is out of bounds; the box returns to the one before."""
        self._fault = tr(
            "Enter a number from {least} to {most}.",
            least=self.minimum(),
            most=self.maximum(),
        )
        return super().fixup(text)

    def _judge(self) -> None:
        fault, self._fault = self._fault, ""
        self.judged.emit(fault)

    def _is_number(self, text: str) -> bool:
        bare = text.removeprefix(self.prefix()).removesuffix(self.suffix())
        return self.locale().toLongLong(bare)[1]


def number_boxes(control: QWidget) -> list[NumberBox]:
    """Return the number boxes of a control, which may be one itself."""
    return [control] if isinstance(control, NumberBox) else control.findChildren(NumberBox)
