"""The facts of a model in a grid that takes as many columns as fit."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from app.core.compared_words import compared_in_words
from app.core.language import tr
from app.core.sizes import format_bytes, format_weights
from app.gguf_file.model_contents import ModelContents
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.card import Card
from app.gui.widgets.plain_label import PlainLabel

_NONE = "—"
_LEAST_WIDTH = SIZE.field * 3 // 4


class FactsView(Card):
    """Shows each fact as a value with its title above it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.setAccessibleName(tr("Facts"))
        self.values: dict[str, PlainLabel] = {}
        self._cells: list[QWidget] = []
        self._columns = 0
        grid = QWidget()
        self._grid = QGridLayout(grid)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(SPACING.large)
        self._grid.setVerticalSpacing(SPACING.small)
        self.quality = PlainLabel("", "caption", wrap=True, selectable=True)
        self.add(grid)
        self.add(self.quality)
        for title in _TITLES:
            self._add(title)

    def show_contents(self, contents: ModelContents) -> None:
        """Show the facts of a model."""
        size = format_bytes(contents.size_bytes)
        if len(contents.files) > 1:
            size = tr("{size} in {count} files", size=size, count=len(contents.files))
        level = contents.level or _NONE
        if contents.bits_per_weight:
            bits = f"{contents.bits_per_weight:.2f}"
            level = tr("{level} ({bits} bits)", level=level, bits=bits)
        numbers = (contents.context, contents.layers, contents.width, contents.vocabulary)
        texts = (
            contents.architecture or _NONE,
            level,
            size,
            format_weights(contents.parameters),
            *(f"{number:,}" if number else _NONE for number in numbers),
        )
        self.quality.set_text(compared_in_words(contents.compared) if contents.compared else "")
        self.quality.setVisible(contents.compared is not None)
        for title, text in zip(_TITLES, texts, strict=True):
            self.values[title].set_text(text)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Take as many columns as fit, in rows of equal length."""
        super().resizeEvent(event)
        count = len(self._cells)
        fitting = max(1, self.width() // _LEAST_WIDTH)
        columns = next(number for number in (count, count // 2, 2, 1) if number <= fitting)
        if columns == self._columns:
            return
        self._columns = columns
        for index, cell in enumerate(self._cells):
            self._grid.addWidget(cell, *divmod(index, columns))
        for column in range(count):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)

    def _add(self, title: str) -> None:
        cell = QWidget()
        column = QVBoxLayout(cell)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.values[title] = PlainLabel(_NONE, elide=True)
        column.addWidget(PlainLabel(title, "caption", elide=True))
        column.addWidget(self.values[title])
        self._cells.append(cell)


_TITLES = (
    tr("Architecture"),
    tr("Level"),
    tr("Size"),
    tr("Parameters"),
    tr("Context"),
    tr("Layers"),
    tr("Width"),
    tr("Vocabulary"),
)
