"""Choose a ggml type."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QComboBox, QWidget

from app.core.language import tr

_TYPES = (
    "q2_K",
    "q3_K",
    "q4_0",
    "q4_1",
    "q4_K",
    "q5_0",
    "q5_1",
    "q5_K",
    "q6_K",
    "q8_0",
    "iq2_xxs",
    "iq2_s",
    "iq3_xxs",
    "iq3_s",
    "iq4_nl",
    "iq4_xs",
    "f16",
    "bf16",
    "f32",
)


class TypeBox(QComboBox):
    """A box of types; with `may_be_left`, an empty one leaves the type to the level.

    Signals:
        changed: the user chose another type.
    """

    changed = Signal()

    def __init__(
        self, name: str, *, may_be_left: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        if may_be_left:
            self.addItem(tr("As the level has it"), "")
        for kind in _TYPES:
            self.addItem(kind, kind)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.activated.connect(lambda _: self.changed.emit())

    @property
    def value(self) -> str:
        """The type by ggml's name; empty if it is left to the level."""
        chosen = self.currentData()
        return chosen if isinstance(chosen, str) else ""

    def set_value(self, value: str) -> None:
        """Choose a type without emitting `changed`."""
        self.setCurrentIndex(self.findData(value))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll the page instead of choosing another type."""
        event.ignore()
