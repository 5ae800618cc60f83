"""Table of the GGUF models of a repository, to tick those to download."""

from __future__ import annotations

import re
from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QTableWidgetItem, QWidget

from app.core.events import RemoteModelListed
from app.core.language import tr
from app.core.sizes import format_bytes, format_gibibytes
from app.gui.levels.fit_words import fit_in_words
from app.gui.widgets.item_table import ItemTable

_PART = re.compile(r"-\d{5}-of-\d{5}\.gguf$", re.IGNORECASE)
_CHECKED, _UNCHECKED = Qt.CheckState.Checked, Qt.CheckState.Unchecked


class ModelChoiceTable(ItemTable):
    """Shows each model with its level, size, memory and fit.

    Signals:
        changed: the user ticked or unticked a model.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            tr("GGUF models"),
            [tr("File"), tr("Level"), tr("Size"), tr("Memory"), tr("Fit")],
            figures=(2, 3),
            parent=parent,
        )
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self._models: Sequence[RemoteModelListed] = ()
        self.itemChanged.connect(lambda _: self.changed.emit())

    def show_models(self, models: Sequence[RemoteModelListed], wanted: str = "") -> None:
        """Show these models, and tick the one with the file `wanted`, or else the recommended."""
        self._models = models
        chosen = {model.path for model in models if _whole(model.path) == _whole(wanted)}
        chosen = chosen or {model.path for model in models if model.is_recommended}
        with QSignalBlocker(self):
            self.setRowCount(0)
            for model in models:
                self._add(model, is_ticked=model.path in chosen)
        for row, model in enumerate(models):
            if model.path in chosen:
                self.selectRow(row)
                self.scrollToItem(self._box(row), self.ScrollHint.PositionAtCenter)

    def ticked(self) -> list[RemoteModelListed]:
        """Return the ticked models."""
        return [
            model
            for row, model in enumerate(self._models)
            if self._box(row).checkState() is _CHECKED
        ]

    def _add(self, model: RemoteModelListed, *, is_ticked: bool) -> None:
        needed = f"≈ {format_bytes(model.needed_bytes)}" if model.needed_bytes else "—"
        cells = (
            _whole(model.path),
            model.level or "—",
            _size_in_words(model),
            needed,
            place_in_words(model),
        )
        row = self.add_row(cells, (model.path, "", format_gibibytes(model.size_bytes)))
        box = self._box(row)
        box.setFlags(box.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        box.setCheckState(_CHECKED if is_ticked else _UNCHECKED)

    def _box(self, row: int) -> QTableWidgetItem:
        item = self.item(row, 0)
        if item is None:
            raise IndexError(row)
        return item


def _whole(path: str) -> str:
    """Return the path of a file without its shard number."""
    return _PART.sub(".gguf", path)


def place_in_words(model: RemoteModelListed) -> str:
    """Return where on this machine a model would fit, and whether it is the recommended one."""
    nowhere = tr("Projector for images") if model.is_projector else "—"
    words = fit_in_words(model.fit) or nowhere
    return tr("{fit} · Recommended", fit=words) if model.is_recommended else words


def _size_in_words(model: RemoteModelListed) -> str:
    size = format_bytes(model.size_bytes)
    if model.files == 1:
        return size
    return tr("{count} files, {size}", count=model.files, size=size)
