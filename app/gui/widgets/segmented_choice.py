"""Exclusive choices side by side."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QSizePolicy, QWidget

from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE
from app.gui.widgets.button import Button

_STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}


class SegmentedChoice(QFrame):
    """One of a few values; the arrow keys move between them.

    Args:
        theme: colors.
        name: the accessible name.
        choices: pairs of value and label.

    Signals:
        changed: the value that the user chose.
    """

    changed = Signal(str)

    def __init__(
        self,
        theme: Theme,
        name: str,
        choices: Sequence[tuple[str, str]],
        *,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("role", "segments")
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._values = [value for value, _ in choices]
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(SIZE.focus, SIZE.focus, SIZE.focus, SIZE.focus)
        row.setSpacing(SIZE.focus)
        for index, (_, words) in enumerate(choices):
            button = Button(theme, words, "segment")
            button.installEventFilter(self)
            self._group.addButton(button, index)
            row.addWidget(button)
        self._group.button(0).setChecked(True)
        self._group.idClicked.connect(self._emit)

    @property
    def value(self) -> str:
        """The chosen value."""
        return self._values[self._group.checkedId()]

    def set_value(self, value: str) -> None:
        """Choose a value without emitting `changed`."""
        self._group.button(self._values.index(value)).setChecked(True)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Move to the neighbor with the arrow keys."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = _STEPS.get(Qt.Key(event.key()), 0)
            if step:
                self._move(-step if self.isRightToLeft() else step)
                return True
        return super().eventFilter(watched, event)

    def _move(self, step: int) -> None:
        index = (self._group.checkedId() + step) % len(self._values)
        self._group.button(index).setFocus()
        self._group.button(index).click()

    def _emit(self, index: int) -> None:
        self.changed.emit(self._values[index])
