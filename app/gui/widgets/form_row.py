"""One setting: its name and what it means, and beside or below them its control."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.plain_label import PlainLabel


class FormRow(QWidget):
    """A labelled control; the label also names it for screen readers.

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
        name = PlainLabel(title)
        name.setBuddy(control)
        if not control.accessibleName():
            control.setAccessibleName(title)
        if not control.accessibleDescription():
            control.setAccessibleDescription(description)
        words = QVBoxLayout()
        words.setSpacing(SPACING.tiny // 2)
        words.addWidget(name)
        self._description = PlainLabel(description, "caption", wrap=True)
        if not description:
            self._description.hide()
        words.addWidget(self._description)
        if stacked:
            self._stack(words, control)
        else:
            self._put_beside(words, control)

    def set_description(self, text: str) -> None:
        """Change what stands below the name, for example what a value costs."""
        self._description.set_text(text)
        self._description.setVisible(bool(text))

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
