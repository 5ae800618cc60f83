"""Table of models and checkpoints with type, level, size and problem."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QStyleOptionViewItem, QVBoxLayout, QWidget

from app.core.events import CheckpointListed, ModelListed
from app.core.language import tr
from app.core.sentences import describe_error
from app.core.sizes import format_bytes, format_gibibytes, format_weights
from app.gui.pages.models.facts_line import Listed, matches
from app.gui.theme.tokens import SIZE
from app.gui.widgets.item_table import ItemTable
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.row_look import RowDelegate

_STAR = "★ "
_NONE = "—"
_WEIGHTS = 3
_FAULT, _FAULT_WIDTH = 1, 4
"""The columns that hold the fault of a file instead of its facts."""
_MARKS = (" ↑", " ↓")
"""Of the sorted column; Qt's own mark covers the text."""


class ModelTable(ItemTable):
    """Shows the library; `chosen` is the model or checkpoint of the selected row.

    A click on a header sorts by that column, a second one in reverse; favorites stay on top.

    Signals:
        deletion_requested: the user pressed Delete.
    """

    deletion_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        headers = (
            tr("Name"),
            tr("Type"),
            tr("Level"),
            tr("Parameters"),
            tr("Context"),
            tr("Size"),
        )
        super().__init__(tr("Models"), headers, figures=(3, 4, 5), parent=parent)
        # Names often differ at their end only.
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setWordWrap(False)
        self.setItemDelegate(_FaultDelegate(self.look))
        self._all: Sequence[Listed] = ()
        self._filter = ""
        self._listed: Sequence[Listed] = ()
        self._hidden_choice = ""
        self._is_filling = False
        self.nothing = PlainLabel(tr("No model matches."), "muted", elide=True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        QVBoxLayout(self.viewport()).addWidget(self.nothing)
        self.nothing.hide()
        self._headers = headers
        self._sorting: tuple[int, bool] | None = None
        self.horizontalHeader().sectionClicked.connect(self._sort_by)
        self.currentCellChanged.connect(self._forget_hidden_choice)
        self.cellClicked.connect(self._forget_hidden_choice)

    def show_models(self, listed: Sequence[Listed]) -> None:
        """Show those of these models that match the filter, and keep the selection.

        If the selected row is gone, the next one is selected.
        """
        chosen, row = self.chosen(), max(0, self.currentRow())
        self._all = listed
        self._is_filling = True
        self._listed = self._sorted([one for one in listed if matches(one, self._filter)])
        self.clearSpans()
        self.setRowCount(0)
        for one in self._listed:
            added = self.add_row(*_row_of(one))
            if isinstance(one, ModelListed) and one.problem is not None:
                self._show_fault(added)
        self.nothing.setVisible(bool(listed) and not self._listed)
        self._select(self._hidden_choice, chosen.path if chosen is not None else "", row)
        self._is_filling = False

    def set_filter(self, words: str) -> None:
        """Show only models whose facts contain all of these words.

        A selected model that they hide is selected again once they don't, unless the user has
        selected another one meanwhile.
        """
        chosen = self.chosen()
        if chosen is not None and not self._hidden_choice and not matches(chosen, words):
            self._hidden_choice = chosen.path
        self._filter = words
        self.show_models(self._all)

    def chosen(self) -> Listed | None:
        """Return what the selected row shows, if any."""
        row = self.currentRow()
        return self._listed[row] if 0 <= row < len(self._listed) else None

    def resizeEvent(self, event: QResizeEvent) -> None:
        """When the table is narrow, hide a column to leave more width to the names."""
        super().resizeEvent(event)
        self.setColumnHidden(_WEIGHTS, self.width() < SIZE.form)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Request the deletion when Delete is pressed."""
        if event.key() == Qt.Key.Key_Delete:
            self.deletion_requested.emit()
        else:
            super().keyPressEvent(event)

    def _select(self, hidden: str, chosen: str, row: int) -> None:
        paths = [one.path for one in self._listed]
        if hidden in paths:
            self._hidden_choice = ""
            self.selectRow(paths.index(hidden))
        elif chosen in paths:
            self.selectRow(paths.index(chosen))
        elif paths:
            self.selectRow(min(row, len(paths) - 1))

    def _forget_hidden_choice(self, *_: int) -> None:
        if not self._is_filling:
            self._hidden_choice = ""

    def _sort_by(self, column: int) -> None:
        is_reverse = self._sorting == (column, False)
        self._sorting = column, is_reverse
        headers = list(self._headers)
        headers[column] += _MARKS[is_reverse]
        self.setHorizontalHeaderLabels(headers)
        self.show_models(self._all)

    def _sorted(self, listed: Sequence[Listed]) -> Sequence[Listed]:
        if self._sorting is not None:
            column, is_reverse = self._sorting
            listed = sorted(listed, key=lambda one: _sort_key(one, column), reverse=is_reverse)
        return sorted(listed, key=lambda one: not _is_favorite(one))

    def _show_fault(self, row: int) -> None:
        """Give the fault of a file the room of its facts."""
        self.setSpan(row, _FAULT, 1, _FAULT_WIDTH)
        # It must not widen its column.
        if (fault := self.item(row, _FAULT)) is not None:
            fault.setSizeHint(QSize(0, 0))


class _FaultDelegate(RowDelegate):
    """Ends a fault in an ellipsis, where names have it in the middle."""

    def initStyleOption(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Names often differ at their end only; of a sentence the beginning matters."""
        super().initStyleOption(option, index)
        if index.column() == _FAULT:
            option.textElideMode = Qt.TextElideMode.ElideRight


def _is_favorite(one: Listed) -> bool:
    return isinstance(one, ModelListed) and one.marks.is_favorite


def _sort_key(one: Listed, column: int) -> tuple[str | int, str]:
    """Return the value of a column, and the name for those with the same."""
    name = one.title.casefold()
    model = one if isinstance(one, ModelListed) else None
    values: tuple[str | int, ...] = (
        name,
        "" if model else tr("Checkpoint"),
        model.level if model else "",
        model.parameters if model else 0,
        model.context if model else 0,
        one.size_bytes,
    )
    return values[column], name


def _row_of(one: Listed) -> tuple[Sequence[str], Sequence[str]]:
    """Return the cells of a row with their tool tips."""
    size, exact_size = format_bytes(one.size_bytes), format_gibibytes(one.size_bytes)
    if isinstance(one, CheckpointListed):
        cells = (one.name, tr("Checkpoint"), _NONE, _NONE, _NONE, size)
        return cells, (one.path, tr("Convert it to chat with it"), "", "", "", exact_size)
    if one.problem is not None:
        problem = describe_error(one.problem, one.details)
        tip = f"{problem}\n{one.path}"
        return (_name_of(one), _fault_of(one), "", "", "", size), (tip, tip)
    cells = (
        _name_of(one),
        "GGUF",
        one.level or _NONE,
        format_weights(one.parameters),
        f"{one.context:,}" if one.context else _NONE,
        size,
    )
    return cells, (f"{cells[0]}\n{one.path}", "", "", "", "", exact_size)


def _fault_of(model: ModelListed) -> str:
    """Return the problem without the name of the file, which is in the same row."""
    if model.problem is None:
        return ""
    is_own = model.details.get("file") == PurePath(model.path).name
    details = model.details | {"file": tr("The file")} if is_own else model.details
    return describe_error(model.problem, details)


def _name_of(model: ModelListed) -> str:
    name = f"{model.title}  ·  {model.place}" if model.place else model.title
    return f"{_STAR}{name}" if model.marks.is_favorite else name
