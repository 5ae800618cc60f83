"""Table of the models that a search has found."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from app.core.hub_events import HubModelFound
from app.core.language import tr, tr_count
from app.core.sizes import format_bytes, format_weights
from app.gui.levels.fit_words import fit_in_words
from app.gui.theme.tokens import SIZE
from app.gui.widgets.item_table import ItemTable

_NONE = "—"
_LEVEL, _DOWNLOADS, _LIKES, _UPDATED, _LICENSE = 2, 5, 6, 7, 8
_CHATTING = ("chat", "text")
_FIRST_HIDDEN = (_LICENSE, _LIKES, _LEVEL, _UPDATED, _DOWNLOADS)
"""Columns that a narrow table hides; a repository's page has all their facts."""


class ResultsTable(ItemTable):
    """Shows one model a row.

    Signals:
        opened: the `HubModelFound` of the row that the user clicked or pressed Enter on.
    """

    opened = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        headers = (
            tr("Model"),
            tr("Parameters"),
            tr("Level"),
            tr("Size"),
            tr("Fit"),
            tr("Downloads"),
            tr("Likes"),
            tr("Updated"),
            tr("License"),
        )
        super().__init__(
            tr("Found models"), headers, figures=(1, 3, _DOWNLOADS, _LIKES), parent=parent
        )
        # Names often differ at their end only.
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setWordWrap(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.found: Sequence[HubModelFound] = ()
        self.cellClicked.connect(lambda row, _: self._open(row))
        self.itemActivated.connect(lambda item: self._open(item.row()))

    def show_models(self, found: Sequence[HubModelFound]) -> None:
        """Show these models; the first rows stay where they are the same."""
        same = 0
        while same < min(len(found), len(self.found)) and found[same] == self.found[same]:
            same += 1
        self.found = found
        self.setRowCount(same)
        for one in found[same:]:
            self.add_row(*_row_of(one))
        if found and self.currentRow() < 0:
            self.setCurrentCell(0, 0)
        if not same:
            self.scrollToTop()
        self._fit_columns()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave enough width to the names."""
        super().resizeEvent(event)
        self._fit_columns()

    def _fit_columns(self) -> None:
        """Hide columns until the names have enough room."""
        header = self.horizontalHeader()
        for column in _FIRST_HIDDEN:
            # A hidden column tells no width.
            self.setColumnHidden(column, False)
        widths = [
            max(self.sizeHintForColumn(column), header.sectionSizeHint(column))
            for column in range(self.columnCount())
        ]
        room = self.viewport().width() - sum(widths[1:])
        for column in _FIRST_HIDDEN:
            is_hidden = room < SIZE.narrow
            self.setColumnHidden(column, is_hidden)
            room += widths[column] if is_hidden else 0

    def _open(self, row: int) -> None:
        if 0 <= row < len(self.found):
            self.opened.emit(self.found[row])


def _row_of(one: HubModelFound) -> tuple[Sequence[str], Sequence[str]]:
    """Return the cells of a row with their tool tips."""
    name = f"{one.repository}  ·  {tr('gated')}" if one.gated else one.repository
    size = f"≈ {format_bytes(one.size_bytes)}" if one.size_bytes else _NONE
    cells = (
        name,
        format_weights(one.parameters) if one.parameters else _NONE,
        one.best_level or _NONE,
        size,
        (fit_in_words(one.fit) or _NONE) if one.kind in _CHATTING else tr("can't chat"),
        f"{one.downloads:,}",
        f"{one.likes:,}",
        one.updated or _NONE,
        one.license or _NONE,
    )
    about = tr("About the size at {level}", level=one.best_level) if one.best_level else ""
    return cells, (_summary(one), "", "", about, "", "", "", "", one.license)


def _summary(one: HubModelFound) -> str:
    """Return the facts of the row, including those in columns that may be hidden."""
    lines = [one.repository]
    if one.gated:
        lines.append(tr("Gated: its owner asks you to accept terms"))
    downloads = tr_count("1 download", "{count} downloads", one.downloads)
    lines.append(f"{downloads}, {tr_count('1 like', '{count} likes', one.likes)}")
    if one.updated:
        lines.append(tr("Updated {date}", date=one.updated))
    if one.license:
        lines.append(tr("License: {license}", license=one.license))
    return "\n".join(lines)
