"""Layout of a small dialog: one column, with a minimum width that its buttons may exceed."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QVBoxLayout

from app.gui.theme.tokens import SIZE, SPACING


def dialog_layout(dialog: QDialog) -> QVBoxLayout:
    """Lay out a dialog, and return its column."""
    column = QVBoxLayout(dialog)
    column.setContentsMargins(*[SPACING.wide] * 4)
    column.setSpacing(SPACING.medium)
    # A minimum width of the dialog itself would overrule that of its buttons and cut their words.
    column.addStrut(SIZE.narrow - 2 * SPACING.wide)
    return column
