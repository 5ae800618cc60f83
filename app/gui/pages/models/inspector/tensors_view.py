"""The tensors of a model and the share of each type."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.language import tr
from app.core.sizes import format_bytes
from app.gguf_file.model_contents import ModelContents, StoredTensor, TypeShare, type_shares
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.clearable_field import ClearableField
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.row_view import RowView
from app.gui.widgets.rows_model import Row, RowsModel
from app.gui.widgets.share_bar import ShareBar, SharePart


class TensorsView(QWidget):
    """A bar with the share of each type above a table of all tensors, with a filter.

    Signals:
        save_wanted: the user wants to save the types as a list.
    """

    save_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shares = ShareBar(theme, tr("Share of each type"))
        self._most_shares = len(theme.colors.shares) - 1
        self.filter = self.safe_control = ClearableField(tr("Filter tensors by name or type"))
        self._count = PlainLabel("", "caption")
        headers = (tr("Tensor"), tr("Shape"), tr("Type"), tr("Size"))
        self.rows = RowsModel(headers, figures=(1, 3), parent=self)
        self.table = RowView(tr("Tensors"), self.rows)
        self.save_button = Button(theme, tr("Save types…"))
        self.save_button.clicked.connect(self.save_wanted)
        self._total = 0
        line = QHBoxLayout()
        line.setSpacing(SPACING.small)
        line.addWidget(self.filter, 1)
        line.addWidget(self._count)
        line.addWidget(self.save_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.medium)
        column.addWidget(self.shares)
        column.addLayout(line)
        column.addWidget(self.table, 1)
        self.filter.textChanged.connect(self._filter)

    def show_contents(self, contents: ModelContents) -> None:
        """Show the tensors of a model."""
        self.shares.show_parts(self._parts(type_shares(contents.tensors)))
        self._total = len(contents.tensors)
        self.filter.clear()
        self.rows.show_rows([_row(tensor) for tensor in contents.tensors])
        self.table.fit_columns()
        self._show_count()

    def _filter(self, text: str) -> None:
        self.rows.set_filter(text)
        self._show_count()

    def _show_count(self) -> None:
        shown, total = f"{len(self.rows.shown):,}", f"{self._total:,}"
        self._count.set_text(tr("{shown} of {total}", shown=shown, total=total))

    def _parts(self, shares: Sequence[TypeShare]) -> list[SharePart]:
        whole = sum(share.size_bytes for share in shares) or 1
        named = list(islice(shares, self._most_shares))
        parts = [_part(share.type, [share], whole) for share in named]
        if others := shares[len(named) :]:
            parts.append(_part(tr("other types"), others, whole))
        return parts


def _part(label: str, shares: Sequence[TypeShare], whole: int) -> SharePart:
    size_bytes = sum(share.size_bytes for share in shares)
    words = tr(
        "{part} · {size} · tensors: {count}",
        part=f"{size_bytes / whole:.1%}",
        size=format_bytes(size_bytes),
        count=f"{sum(share.tensors for share in shares):,}",
    )
    return SharePart(label, size_bytes, words)


def _row(tensor: StoredTensor) -> Row:
    shape = " × ".join(f"{length}" for length in tensor.shape)
    size = format_bytes(tensor.size_bytes)
    exact = tr("{size} bytes", size=f"{tensor.size_bytes:,}")
    return Row(
        tensor.name,
        (tensor.name, shape, tensor.type, size),
        (tensor.name, tensor.weights, tensor.type, tensor.size_bytes),
        (tensor.name, tr("{count} values", count=f"{tensor.weights:,}"), "", exact),
    )
