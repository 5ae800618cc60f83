"""One setting: its name and what it means, and beside or below them its control."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.plain_label import PlainLabel


class FormRow(QWidget):
    """A labeled control; the label also names it for screen readers.

    Args:
        title: the setting's name.
        description: what it means; may be empty.
        control: what it is set with.
        stacked: the control is below the words and as wide as there is room, not at their right.
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
        if stacked:
            self._stack(words, control)
        else:
            self._put_beside(words, control)

    def set_description(self, text: str) -> None:
        """Change what stands below the name."""
        self._description.set_text(text)
        self._description.setVisible(bool(text))

    @property
    def figure(self) -> str:
        """What stands beside the name."""
        return self._figure.whole_text

    def set_figure(self, text: str) -> None:
        """Say in a figure beside the name what the value means, for example what it costs."""
        if text != self._figure.whole_text:
            self._figure.set_text(text)

    @property
    def note(self) -> str:
        """What is said about the value."""
        return self._note.whole_text

    def set_note(self, text: str) -> None:
        """Say in a sentence below the description what is to be known about the value."""
        if text != self._note.whole_text:
            self._note.set_text(text)
            self._note.setVisible(bool(text))

    def _put_beside(self, words: QVBoxLayout, control: QWidget) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.wide)
        row.addLayout(words, 1)
        control.setMinimumWidth(SIZE.field)
        row.addWidget(control, 0, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

    def _stack(self, words: QVBoxLayout, control: QWidget) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.small)
        column.addLayout(words)
        column.addWidget(control)
