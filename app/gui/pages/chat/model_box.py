"""Field with the model in use, and the list of all models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QStandardItem, QStandardItemModel, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from app.core.language import tr
from app.core.sizes import format_bytes
from app.gui.pages.chat.model_row import ENTRY_ROLE, ICON_ROLE, ModelRowDelegate
from app.gui.services.model_entry import ModelEntry
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE
from app.gui.widgets.drop_down import DropDown
from app.gui.widgets.plain_text import plain_tool_tip

_STEPS = frozenset({Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown})


class ModelBox(DropDown):
    """A drop-down list of models in sections; the field is as wide as the name in it.

    Keys and the wheel choose only in the open list, as loading a model takes a while.

    Signals:
        chosen: a `ModelEntry` was chosen.
        models_requested: the user wants to get another model.
        closed: the list was closed, with or without a choice.
    """

    chosen = Signal(object)
    closed = Signal()
    models_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent, elide=Qt.TextElideMode.ElideMiddle)
        self._rows = QStandardItemModel(self)
        self.setModel(self._rows)
        self.setItemDelegate(ModelRowDelegate(theme, self))
        self.setAccessibleName(tr("Model"))
        self.setPlaceholderText(tr("Choose a model"))
        self._used = ""
        self._shown: tuple[object, ...] = ()
        self._popup = self.view().window()
        self._popup.installEventFilter(self)
        self.activated.connect(self._on_activated)
        self.currentIndexChanged.connect(self.updateGeometry)

    def sizeHint(self) -> QSize:
        """Return the width of the name in the field, and no less than for most names."""
        width = max(SIZE.side, self.width_for(self.currentText()))
        return QSize(width, super().sizeHint().height())

    def show_entries(self, entries: Sequence[ModelEntry], used: str, *, is_loaded: bool) -> None:
        """Show all models; the one at the path `used` is in the field, with a tick if loaded."""
        shown = (*entries, used, is_loaded)
        if shown == self._shown:
            # The list may be open.
            return
        self._shown, self._used = shown, used
        self.clear()
        for section, members in groupby(entries, key=_section):
            self._add_heading(section)
            for entry in members:
                self._add_entry(entry, is_ticked=is_loaded and entry.path == used)
        if entries:
            self.insertSeparator(self.count())
        more = QStandardItem(tr("Get models…"))
        more.setData("plus", ICON_ROLE)
        self._rows.appendRow(more)
        self._show_used()

    def showPopup(self) -> None:
        """Open the list, at the first model if none is in use."""
        super().showPopup()
        view = self.view()
        if not view.currentIndex().isValid():
            # The first row is a heading.
            view.setCurrentIndex(self._rows.index(1, 0))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Note that the list closes, in whichever way."""
        if event.type() == QEvent.Type.Hide and watched is self._popup:
            # Qt gives the focus back to the field after this.
            QTimer.singleShot(0, self, self.closed.emit)
        return super().eventFilter(watched, event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the page."""
        event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Open the list on keys that would choose another model, and pass typed letters to it."""
        text = event.text()
        if event.key() in _STEPS and event.modifiers() == Qt.KeyboardModifier.NoModifier:
            self.showPopup()
        elif text.isprintable() and text.strip():
            self.showPopup()
            QApplication.sendEvent(self.view(), event)
        else:
            super().keyPressEvent(event)

    def _add_heading(self, words: str) -> None:
        heading = QStandardItem(words)
        heading.setFlags(Qt.ItemFlag.NoItemFlags)
        self._rows.appendRow(heading)

    def _add_entry(self, entry: ModelEntry, *, is_ticked: bool) -> None:
        item = QStandardItem(_in_field(entry))
        item.setData(entry.path, Qt.ItemDataRole.UserRole)
        item.setData(entry, ENTRY_ROLE)
        item.setData("check" if is_ticked else None, ICON_ROLE)
        item.setToolTip(plain_tool_tip(_tip(entry)))
        item.setAccessibleText(", ".join(_spoken(entry, is_ticked=is_ticked)))
        self._rows.appendRow(item)

    def _show_used(self) -> None:
        self.setCurrentIndex(self.findData(self._used) if self._used else -1)

    def _on_activated(self, row: int) -> None:
        entry = self.itemData(row, ENTRY_ROLE)
        if isinstance(entry, ModelEntry):
            self.chosen.emit(entry)
        else:
            self._show_used()
            self.models_requested.emit()


def _section(entry: ModelEntry) -> str:
    return entry.endpoint.name if entry.endpoint else tr("This machine")


def _in_field(entry: ModelEntry) -> str:
    is_named = entry.level.casefold() in entry.title.casefold()
    return entry.title if is_named else f"{entry.title}  ·  {entry.level}"


def _tip(entry: ModelEntry) -> str:
    return entry.title if entry.endpoint else f"{entry.title}\n{entry.path}"


def _spoken(entry: ModelEntry, *, is_ticked: bool) -> Iterator[str]:
    yield entry.title
    if entry.level:
        yield entry.level
    if entry.size_bytes:
        yield format_bytes(entry.size_bytes)
    if is_ticked:
        yield tr("loaded")
