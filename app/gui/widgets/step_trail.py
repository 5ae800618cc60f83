"""Trail of a wizard's steps by number and name, with the current one marked."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.core.language import tr
from app.gui.theme.tokens import SPACING
from app.gui.widgets.plain_label import PlainLabel


class StepTrail(QWidget):
    """Shows the steps side by side."""

    def __init__(self, steps: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names = tuple(steps)
        self._labels: list[PlainLabel] = []
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.medium)
        for number, name in enumerate(steps, start=1):
            if self._labels:
                row.addWidget(PlainLabel("›", "muted"))
            label = PlainLabel(f"{number}  {name}")
            self._labels.append(label)
            row.addWidget(label)
        self.show_step(0)

    def show_step(self, index: int) -> None:
        """Mark a step as current."""
        for number, label in enumerate(self._labels):
            label.set_tone("accent" if number == index else "plain")
            label.setEnabled(number <= index)
        name, count = self._names[index], len(self._names)
        words = tr("Step {number} of {count}: {name}", number=index + 1, count=count, name=name)
        self.setAccessibleName(words)
