"""List of chats under headings, with a menu for each chat."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QListWidgetItem, QWidget

from app.chat.search_hit import SearchHit
from app.core.language import tr
from app.gui.pages.chat.chat_row_delegate import HIT, ChatRowDelegate
from app.gui.theme.theme import Theme
from app.gui.widgets.item_list import ItemList
from app.gui.widgets.plain_text import plain_tool_tip

_EDITABLE = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEditable


class ChatRows(ItemList):
    """A list of chats under headings; F2 edits a title in place, Delete asks to delete.

    A key that moves the highlight opens the chat, as a click does.

    Signals:
        opened: the item of the chat to open.
        typed: plain text, which is meant for a message.
        menu_requested: the item whose menu is wanted, and the place for it on the screen.
        renamed: the item of a chat and its new title.
        delete_requested: the item of the chat to delete.
        editing_ended: a title is no longer edited.
    """

    opened = Signal(QListWidgetItem)
    typed = Signal(str)
    menu_requested = Signal(QListWidgetItem, QPoint)
    renamed = Signal(QListWidgetItem, str)
    delete_requested = Signal(QListWidgetItem)
    editing_ended = Signal()

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent=parent)
        self._delegate = ChatRowDelegate(theme, self)
        self.setItemDelegate(self._delegate)
        self.setMouseTracking(True)
        self.setEditTriggers(self.EditTrigger.EditKeyPressed)
        self.itemClicked.connect(self._open)
        self.itemActivated.connect(self._open)
        self._delegate.renamed.connect(lambda row, title: self.renamed.emit(self.item(row), title))
        self._delegate.closeEditor.connect(lambda *_: self.editing_ended.emit())

    @property
    def is_editing(self) -> bool:
        """True while a title is being edited."""
        return self.state() == self.State.EditingState

    def add_heading(self, words: str) -> None:
        """Add a heading, which can't be chosen."""
        item = QListWidgetItem(words)
        item.setFlags(Qt.ItemFlag.NoItemFlags)
        self.addItem(item)

    def add_chat(self, hit: SearchHit, title: str) -> QListWidgetItem:
        """Add a chat."""
        item = QListWidgetItem(title)
        item.setFlags(_EDITABLE)
        item.setData(HIT, hit)
        item.setToolTip(plain_tool_tip(title))
        if hit.excerpt:
            words = tr("{title}: {excerpt}", title=title, excerpt=hit.excerpt)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, words)
        self.addItem(item)
        return item

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Ask before the Delete key deletes a chat, and open the one that a key moves to."""
        item = self.currentItem()
        if event.key() == Qt.Key.Key_Delete and item is not None:
            self.delete_requested.emit(item)
            return
        super().keyPressEvent(event)
        reached = self.currentItem()
        if reached is not None and reached is not item:
            self._open(reached)

    def keyboardSearch(self, search: str) -> None:
        """Pass on what is typed; a search would move the highlight away from the open chat."""
        if search.isprintable() and search.strip():
            self.typed.emit(search)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Keep the highlight on the open chat while another one's menu is open."""
        item = self.itemAt(event.position().toPoint())
        if event.button() == Qt.MouseButton.RightButton:
            return
        if item is not None and self._is_on_button(item, event.position().toPoint()):
            place = self._delegate.button_in(self.visualItemRect(item)).bottomLeft()
            self.menu_requested.emit(item, self.viewport().mapToGlobal(place))
            return
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Don't open a chat when its menu button is clicked."""
        item = self.itemAt(event.position().toPoint())
        if item is not None and self._is_on_button(item, event.position().toPoint()):
            return
        super().mouseReleaseEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu of the chat under the pointer, or of the current one."""
        item = self.itemAt(event.pos())
        if item is not None and item.data(HIT) is not None:
            self.menu_requested.emit(item, event.globalPos())

    def _open(self, item: QListWidgetItem) -> None:
        if item.data(HIT) is not None and not self.is_editing:
            self.opened.emit(item)

    def _is_on_button(self, item: QListWidgetItem, place: QPoint) -> bool:
        button = self._delegate.button_in(self.visualItemRect(item))
        return item.data(HIT) is not None and button.contains(place)
