"""Card with the files of a repository and their sizes."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from app.core.hub_events import HubFile
from app.core.language import tr
from app.core.sizes import format_bytes, format_gibibytes
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE
from app.gui.widgets.collapsible_card import CollapsibleCard
from app.gui.widgets.item_table import ItemTable


class FilesCard(CollapsibleCard):
    """Lists the files; the summary has their number and size."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, tr("Files"), parent=parent)
        self.table = ItemTable(tr("Files"), [tr("File"), tr("Size")], figures=(1,))
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.table.setWordWrap(False)
        self.add(self.table)

    def show_files(self, files: Sequence[HubFile]) -> None:
        """Show these files."""
        self.table.setRowCount(0)
        for file in files:
            cells = (file.path, format_bytes(file.size_bytes))
            self.table.add_row(cells, (file.path, format_gibibytes(file.size_bytes)))
        size = format_bytes(sum(file.size_bytes for file in files))
        self.set_summary(tr("{count} files, {size}", count=f"{len(files):,}", size=size))
        rows = self.table.rowCount() * SIZE.control
        header = self.table.horizontalHeader().sizeHint().height()
        height = rows + header + 2 * self.table.frameWidth()
        self.table.setFixedHeight(min(height, SIZE.narrow))
