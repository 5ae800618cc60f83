"""Card with the files of a repository and their sizes."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from app.core.hub_events import HubFile
from app.core.language import tr, tr_count
from app.core.sizes import format_bytes, format_gibibytes
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE
from app.gui.widgets.collapsible_card import CollapsibleCard
from app.gui.widgets.item_table import ItemTable

_MOST = 1000
"""Files that are listed; a repository may have many thousands."""


class FilesCard(CollapsibleCard):
    """Lists the files; the summary has their number and size."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, tr("Files"), parent=parent)
        self.table = ItemTable(tr("Files"), [tr("File"), tr("Size")], figures=(1,))
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.table.setWordWrap(False)
        self.add(self.table)
        self._files: Sequence[HubFile] = ()
        self.toggled.connect(self._fill)

    def show_files(self, files: Sequence[HubFile]) -> None:
        """Close the card, and list these files once it is opened."""
        self._files = files
        self.set_open(False)
        self.table.setRowCount(0)
        size = format_bytes(sum(file.size_bytes for file in files))
        words = tr_count("1 file, {size}", "{count} files, {size}", len(files), size=size)
        self.set_summary(words)

    def _fill(self) -> None:
        if self.table.rowCount() or not self.is_open:
            return
        for file in self._files[:_MOST]:
            cells = (file.path, format_bytes(file.size_bytes))
            self.table.add_row(cells, (file.path, format_gibibytes(file.size_bytes)))
        rows = self.table.rowCount() * SIZE.control
        header = self.table.horizontalHeader().sizeHint().height()
        height = rows + header + 2 * self.table.frameWidth()
        self.table.setFixedHeight(min(height, SIZE.narrow))
