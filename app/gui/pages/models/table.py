"""Table of models with name, level, size and problem."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QWidget

from app.core.events import ModelListed
from app.core.language import tr
from app.core.sentences import describe_error
from app.core.sizes import format_bytes, format_gibibytes, format_weights
from app.gui.widgets.item_table import ItemTable


class ModelTable(ItemTable):
    """Shows the library; `chosen` is the model of the selected row."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "Models",
            [tr("Name"), tr("Level"), tr("Weights"), tr("Context"), tr("Size")],
            figures=(2, 3, 4),
            parent=parent,
        )
        self.setAccessibleName(tr("Models"))
        self._models: Sequence[ModelListed] = ()

    def show_models(self, models: Sequence[ModelListed]) -> None:
        """Show these models, and keep the selection."""
        chosen = self.chosen()
        self._models = models
        self.setRowCount(0)
        for model in models:
            self._add(model)
        paths = [model.path for model in models]
        if chosen is not None and chosen.path in paths:
            self.selectRow(paths.index(chosen.path))
        elif models:
            self.selectRow(0)

    def chosen(self) -> ModelListed | None:
        """Return the model of the selected row, if any."""
        row = self.currentRow()
        return self._models[row] if 0 <= row < len(self._models) else None

    def _add(self, model: ModelListed) -> None:
        if model.problem is not None:
            problem = describe_error(model.problem, model.details)
            name = f"{model.name}: {problem}"
            self.add_row((name, "—", "—", "—", format_bytes(model.size_bytes)), (problem,))
            return
        cells = (
            f"{model.name}  ·  {model.place}" if model.place else model.name,
            model.level or "—",
            format_weights(model.parameters),
            f"{model.context:,}" if model.context else "—",
            format_bytes(model.size_bytes),
        )
        self.add_row(cells, (model.path, "", "", "", format_gibibytes(model.size_bytes)))
