"""Choose a ggml type."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QWidget

from app.core.language import tr
from app.gguf_file.tensor_types import TENSOR_TYPES
from app.gui.widgets.drop_down import DropDown

_UNOFFERED = frozenset({"IQ1_S", "IQ1_M", "IQ2_XS", "TQ1_0", "TQ2_0", "MXFP4"})
"""Types that weights can be converted to, but that the window does not offer."""
_TYPES = tuple(
    kind.ggml_name
    for kind in sorted(
        TENSOR_TYPES.values(), key=lambda kind: (kind.is_float, kind.name[0] == "I", kind.name)
    )
    if kind.can_quantize and kind.name not in _UNOFFERED
)


class TypeBox(DropDown):
    """A box of types; with `allows_empty`, an empty one leaves the type to the level.

    Signals:
        changed: the user chose another type.
    """

    changed = Signal()

    def __init__(
        self, name: str, *, allows_empty: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        if allows_empty:
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
