"""Show the plan of a file: its size, its quality beside plain levels, and its types."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from app.core.allocation_events import FileCompared, TypesChosen
from app.core.compared_words import compared_in_words
from app.core.language import tr
from app.gui.pages.convert.best_size.plan_words import (
    PlanRow,
    exact_size,
    plan_rows,
    plan_sentence,
)
from app.gui.pages.convert.best_size.type_bars import TypeBars
from app.gui.theme.fonts import TextRole
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.plain_label import PlainLabel


class PlanView(QWidget):
    """A sentence, a small table and the picture of the types.

    Signals:
        save_wanted: the user wants to save the types as a list.
        level_wanted: the user wants this plain level instead, which is no worse.
    """

    save_wanted = Signal()
    level_wanted = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Plan"))
        self.sentence = PlainLabel("", "heading", wrap=True)
        self.exact = PlainLabel("", "caption", wrap=True, selectable=True)
        self.bars = TypeBars(theme)
        self.save_button = Button(theme, tr("Save types…"), compact=True)
        self.save_button.clicked.connect(self.save_wanted)
        self.cells: list[PlainLabel] = []
        self._rows = QWidget()
        self._grid = QGridLayout(self._rows)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(SPACING.large)
        self._grid.setVerticalSpacing(SPACING.tiny)
        self._grid.setColumnStretch(0, 1)
        self._note = PlainLabel(
            tr("Predicted from measurements on the text; KL is the mean divergence in nats."),
            "caption",
            wrap=True,
        )
        self.measured = PlainLabel("", "caption", wrap=True, selectable=True)
        self._level = ""
        self.level_button = Button(theme, tr("Choose a plain level instead"), compact=True)
        self.level_button.clicked.connect(lambda: self.level_wanted.emit(self._level))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.small)
        for widget in (self.sentence, self.exact, self._rows, self._note, self.measured):
            column.addWidget(widget)
        column.addWidget(self.level_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.bars)
        column.addWidget(self.save_button, 0, Qt.AlignmentFlag.AlignLeft)

    def show_plan(self, chosen: TypesChosen, compared: FileCompared | None) -> None:
        """Show a plan, and its quality if that was measured, in place of the last one."""
        sentence = plan_sentence(chosen)
        self.sentence.set_text(sentence)
        self.sentence.setVisible(bool(sentence))
        self.exact.set_text(exact_size(chosen))
        self.measured.set_text(compared_in_words(compared) if compared else "")
        self.measured.setVisible(compared is not None)
        self._offer_level(compared.level if compared and not compared.is_better else "")
        for cell in self.cells:
            self._grid.removeWidget(cell)
            cell.hide()
            cell.deleteLater()
        self.cells = []
        for number, row in enumerate(plan_rows(chosen)):
            self._add_row(number, row)
        self.bars.show_shares(chosen.shares)

    def _offer_level(self, level: str) -> None:
        self._level = level
        words = tr("Choose {level} instead", level=level)
        self.level_button.setText(words)
        self.level_button.setAccessibleName(words)
        self.level_button.setVisible(bool(level))

    def _add_row(self, number: int, row: PlanRow) -> None:
        role: TextRole = "muted" if number else "body"
        divergence = f"KL {row.divergence}"
        cells = (
            PlainLabel(row.name, role, elide=True),
            PlainLabel(row.size, role, tabular=True),
            PlainLabel(row.grade, role),
            PlainLabel(divergence, role, tabular=True),
        )
        for column, cell in enumerate(cells):
            self._grid.addWidget(cell, number, column)
        self.cells += cells
