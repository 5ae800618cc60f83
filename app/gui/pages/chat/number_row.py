"""Row of the chat settings: a number, where it comes from, and a button that resets it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from app.core.language import tr
from app.core.option_fields import OptionField
from app.gui.pages.chat.applied_settings import AppliedValue
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.icon_button import IconButton
from app.gui.widgets.optional_number import OptionalNumber
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.plain_text import plain_tool_tip


class NumberRow(QWidget):
    """A number that the user can choose or leave to the model.

    Signals:
        changed: the user chose another number, or None.
    """

    changed = Signal(object)

    def __init__(self, theme: Theme, field: OptionField, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.box = self.safe_control = OptionalNumber(field)
        self.undo = IconButton(
            theme, "undo", tr("Reset {name}", name=field.title.lower()), compact=True
        )
        self._source = PlainLabel("", "caption", elide=True)
        title = PlainLabel(field.title, elide=True)
        title.setBuddy(self.box)
        self.setAccessibleName(field.title)
        self.box.setAccessibleDescription(field.description)
        self.box.setFixedWidth(SIZE.field * 3 // 5)
        for widget in (self, self.box):
            widget.setToolTip(plain_tool_tip(field.description))
        policy = self.undo.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.undo.setSizePolicy(policy)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(SPACING.tiny)
        grid.setVerticalSpacing(0)
        grid.addWidget(title, 0, 0)
        grid.addWidget(self._source, 1, 0)
        grid.addWidget(self.undo, 0, 1, 2, 1)
        grid.addWidget(self.box, 0, 2, 2, 1)
        grid.setColumnStretch(0, 1)
        self.box.changed.connect(self.changed)
        self.undo.clicked.connect(lambda: self.changed.emit(None))

    @property
    def source(self) -> str:
        """The words about where the number comes from."""
        return self._source.whole_text

    def show_number(self, number: float | None, otherwise: AppliedValue, source: str) -> None:
        """Show what the user chose, or what applies otherwise, and where that comes from."""
        self.box.show_number(number, otherwise=otherwise.text, start=otherwise.value)
        self._source.set_text(source)
        self.undo.setVisible(number is not None)
