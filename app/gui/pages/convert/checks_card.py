"""Card of the checks, which folds once all of them have passed."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.core.events import Checked
from app.core.language import tr, tr_count
from app.gui.pages.convert.check_row import CheckRow
from app.gui.theme.theme import Theme
from app.gui.widgets.collapsible_card import CollapsibleCard


class ChecksCard(CollapsibleCard):
    """Shows a row for each check, and a summary beside the heading."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "", is_open=True, parent=parent)
        self._theme = theme
        self._rows: list[CheckRow] = []
        self._faults = 0
        self._is_first_look = True
        self._is_stale = False
        self.set_heading(tr("Checks"))

    def reset(self) -> None:
        """Remove all checks, for another source."""
        self._is_first_look = True
        self._clear()
        self.set_open(True)

    def mark_outdated(self) -> None:
        """Keep the rows until the next check replaces them."""
        self._is_stale = True

    def show_busy(self, text: str) -> None:
        """Show what is being done."""
        self.set_summary(text)

    def add_check(self, check: Checked) -> None:
        """Add a check."""
        if self._is_stale:
            self._clear()
        row = CheckRow(self._theme, check)
        self._rows.append(row)
        self.add(row)
        self._faults += check.error is not None
        if check.error is not None:
            self.set_open(True)

    def finish(self) -> None:
        """Summarize the checks; fold the card the first time that all have passed."""
        if self._is_stale or not self._rows:
            self.set_summary("")
        elif self._faults:
            self.set_summary(self._faults_in_words())
        else:
            self.set_summary(tr("All checks passed"))
            self.set_open(self.is_open and not self._is_first_look)
            self._is_first_look = False

    def _faults_in_words(self) -> str:
        return tr_count("1 problem", "{count} problems", self._faults)

    def _clear(self) -> None:
        for row in self._rows:
            row.hide()
            row.deleteLater()
        self._rows, self._faults, self._is_stale = [], 0, False
