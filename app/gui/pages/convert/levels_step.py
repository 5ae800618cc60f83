"""The wizard's second step: what the checks found, and which levels to make, with exact sizes."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QVBoxLayout, QWidget

from app.core import events
from app.core.levels import DEFAULT_LEVEL, level_named
from app.core.sizes import format_bytes, format_gibibytes
from app.gui.pages.convert.check_row import CheckRow
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.card import Card
from app.gui.widgets.item_table import ItemTable
from app.gui.widgets.plain_label import PlainLabel

_CHECKED = Qt.CheckState.Checked


class LevelsStep(QWidget):
    """Shows checks as they come, then the levels.

    Signals:
        chosen: the levels' names, and whether files of the same name are replaced.
        back: another source is wanted.
    """

    chosen = Signal(list)
    back = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._planned: list[events.LevelPlanned] = []
        self._checks = Card(self.tr("Checks"))
        self._rows: list[CheckRow] = []
        self._busy = PlainLabel("", "muted")
        self._checks.add(self._busy)
        headers = ("Level", "What it is", "Bits per weight", "Size", "")
        self.table = ItemTable(
            self.tr("Levels"),
            [self.tr(header) if header else "" for header in headers],
            stretched=1,
            figures=(2, 3),
        )
        # A column that fits its contents forgets the room for the boxes.
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)
        self.table.setColumnWidth(0, SIZE.field * 3 // 5)
        self._summary = PlainLabel("", "muted")
        self._back_button = Button(theme, self.tr("Back"))
        self.convert_button = Button(theme, self.tr("Convert"), "primary", icon_name="convert")
        self._build_layout()
        self.table.itemChanged.connect(self._show_choice)
        self._back_button.clicked.connect(self.back)
        self.convert_button.clicked.connect(lambda: self.chosen.emit(self.chosen_levels()))

    def start(self) -> None:
        """Begin anew, with nothing known."""
        for row in self._rows:
            row.hide()
            row.deleteLater()
        self._rows = []
        self._planned = []
        self.table.setRowCount(0)
        self._levels.hide()
        self.show_busy(self.tr("Looking at the files…"))
        self._show_choice()

    def show_busy(self, text: str) -> None:
        """Say what is being looked at; an empty text when the checks are over."""
        self._busy.set_text(text)
        self._busy.setVisible(bool(text))

    def add_check(self, check: events.Checked) -> None:
        """Show one more check."""
        row = CheckRow(self._theme, check)
        self._rows.append(row)
        self._checks.add(row)

    def add_level(self, planned: events.LevelPlanned) -> None:
        """Show one more level."""
        self._planned.append(planned)
        self._levels.show()
        self.table.blockSignals(True)
        there = self.tr("there already") if Path(planned.target).exists() else ""
        row = self.table.add_row(
            (
                planned.level,
                self.tr(level_named(planned.level).description),
                f"{planned.bits_per_weight:.2f}",
                format_bytes(planned.size_bytes),
                there,
            ),
            ("", "", "", self._exactly(planned.size_bytes), planned.target),
        )
        self._set_ticked(row, is_ticked=planned.level == DEFAULT_LEVEL)
        self.table.blockSignals(False)
        self._show_choice()

    def chosen_levels(self) -> list[str]:
        """The names of the levels that are ticked."""
        return [planned.level for planned in self._ticked()]

    def replaced_files(self) -> list[str]:
        """The files that would be replaced."""
        return [planned.target for planned in self._ticked() if Path(planned.target).exists()]

    def _ticked(self) -> list[events.LevelPlanned]:
        return [planned for row, planned in enumerate(self._planned) if self._is_ticked(row)]

    def _is_ticked(self, row: int) -> bool:
        item = self.table.item(row, 0)
        return item is not None and item.checkState() == _CHECKED

    def _set_ticked(self, row: int, *, is_ticked: bool) -> None:
        item = self.table.item(row, 0)
        if item is not None:
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(_CHECKED if is_ticked else Qt.CheckState.Unchecked)

    def _show_choice(self) -> None:
        ticked = self._ticked()
        self.convert_button.setEnabled(bool(ticked))
        size = format_bytes(sum(planned.size_bytes for planned in ticked))
        if not ticked:
            self._summary.set_text(self.tr("Tick one level or more."))
        elif len(ticked) == 1:
            self._summary.set_text(self.tr("The file will have {size}.").replace("{size}", size))
        else:
            words = self.tr("{count} files, together {size}.")
            self._summary.set_text(
                words.replace("{count}", str(len(ticked))).replace("{size}", size)
            )

    def _exactly(self, size_bytes: int) -> str:
        words = self.tr("exactly {bytes} bytes, {size}")
        words = words.replace("{bytes}", f"{size_bytes:,}")
        return words.replace("{size}", format_gibibytes(size_bytes))

    def _build_layout(self) -> None:
        self._levels = QWidget()
        levels = QVBoxLayout(self._levels)
        levels.setContentsMargins(0, 0, 0, 0)
        levels.setSpacing(SPACING.small)
        levels.addWidget(PlainLabel(self.tr("Which level?"), "heading"))
        levels.addWidget(self.table, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACING.small)
        buttons.addWidget(self._summary)
        buttons.addStretch(1)
        buttons.addWidget(self._back_button)
        buttons.addWidget(self.convert_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.large)
        column.addWidget(self._checks)
        column.addWidget(self._levels, 1)
        column.addLayout(buttons)
