"""Row of a form: title, description and control of one setting."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.number_box import number_boxes
from app.gui.widgets.plain_label import PlainLabel


class FormRow(QWidget):
    """A labeled control; the label also names it for screen readers.

    Args:
        title: the name of the setting.
        description: one or two sentences; may be empty.
        control: the widget that sets it.
        stacked: the control is below the text, at full width, instead of at its right.
    """

    def __init__(
        self,
        title: str,
        description: str,
        control: QWidget,
        *,
        stacked: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        name = PlainLabel(title, wrap=True)
        name.setBuddy(control)
        if not control.accessibleName():
            control.setAccessibleName(title)
        if not control.accessibleDescription():
            control.setAccessibleDescription(description)
        self._control, self._words = control, description
        self._figure = PlainLabel("", "caption", tabular=True)
        self._figure.set_tone("accent")
        head = QHBoxLayout()
        head.setSpacing(SPACING.small)
        head.addWidget(name, 1)
        head.addWidget(self._figure)
        words = QVBoxLayout()
        words.setSpacing(SPACING.tiny // 2)
        words.addLayout(head)
        self._description = PlainLabel(description, "caption", wrap=True)
        if not description:
            self._description.hide()
        words.addWidget(self._description)
        self._note = PlainLabel("", "caption", wrap=True)
        self._note.set_tone("warning")
        self._note.hide()
        words.addWidget(self._note)
        for box in number_boxes(control):
            box.validated.connect(self.set_refusal)
        if stacked:
            self._stack(words, control)
        else:
            self._put_beside(words, control)

    @property
    def figure(self) -> str:
        """The figure beside the title."""
        return self._figure.whole_text

    def set_figure(self, text: str) -> None:
        """Show a figure beside the title, for example the cost of the value."""
        if text != self._figure.whole_text:
            self._figure.set_text(text)

    @property
    def note(self) -> str:
        """The note about the value."""
        return self._note.whole_text

    def set_note(self, text: str) -> None:
        """Show a note about the value below the description."""
        if text != self._note.whole_text:
            self._note.set_text(text)
            self._note.setVisible(bool(text))

    @property
    def refusal(self) -> str:
        """The reason why the entered value is refused; empty if it is accepted."""
        shown = self._description.whole_text
        return "" if shown == self._words else shown

    def set_refusal(self, text: str) -> None:
        """Say why an entered value is refused, in place of the description.

        Nothing below moves, because the user may just be about to click there.
        """
        if text == self.refusal:
            return
        shown = text or self._words
        self._description.setMinimumHeight(self._description.height() if text else 0)
        self._description.set_tone("danger" if text else "plain")
        self._description.set_text(shown)
        self._description.setVisible(bool(shown))
        self._control.setAccessibleDescription(shown)

    def _put_beside(self, words: QVBoxLayout, control: QWidget) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.wide)
        row.addLayout(words, 1)
        if not isinstance(control, QCheckBox):
            control.setMinimumWidth(SIZE.field)
        row.addWidget(control, 0, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

    def _stack(self, words: QVBoxLayout, control: QWidget) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.small)
        column.addLayout(words)
        column.addWidget(control)
