"""Order of the buttons of every dialog."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout

from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button


def dialog_buttons(dismiss: Button, *acts: Button, aside: Button | None = None) -> QHBoxLayout:
    """Return the row at the foot of a dialog: Cancel or Close, and the actions to its right.

    Args:
        dismiss: closes the dialog without the action.
        acts: do what the dialog is for, the last one first of all.
        aside: something else, far at the left.
    """
    row = QHBoxLayout()
    row.setSpacing(SPACING.small)
    if aside is not None:
        row.addWidget(aside)
    row.addStretch(1)
    for button in (dismiss, *acts):
        row.addWidget(button)
    return row
