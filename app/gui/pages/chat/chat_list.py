"""List the conversations, newest first."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QListWidgetItem, QMenu, QVBoxLayout, QWidget

from app.chat.chat_store import ChatStore
from app.chat.conversation import Chat, ChatId
from app.core.language import tr
from app.gui.theme.icons import icon
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.item_list import ItemList
from app.gui.widgets.name_dialog import NameDialog
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.plain_text import plain_tool_tip
from app.gui.widgets.search_field import SearchField

_CHAT = Qt.ItemDataRole.UserRole


class ChatList(QWidget):
    """Lists the chats of a store.

    Signals:
        chosen: the chat to open.
        new_requested: the user wants an empty chat.
        deleted: a chat was deleted.
    """

    chosen = Signal(object)
    new_requested = Signal()
    deleted = Signal(object)

    def __init__(self, theme: Theme, chats: ChatStore, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._chats = chats
        self._open: ChatId | None = None
        self._replying: frozenset[ChatId] = frozenset()
        self.setFixedWidth(SIZE.field)
        self.new_button = Button(theme, tr("New chat"), icon_name="new-chat")
        self.search = SearchField(tr("Search chats"))
        self.list = ItemList(tr("Chats"))
        self._empty = PlainLabel("", "caption", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.small)
        column.addWidget(self.new_button)
        column.addWidget(self.search)
        column.addWidget(self._empty)
        column.addWidget(self.list, 1)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(self._show_menu)
        self.list.itemClicked.connect(lambda item: self.chosen.emit(item.data(_CHAT)))
        self.list.itemActivated.connect(lambda item: self.chosen.emit(item.data(_CHAT)))
        self.new_button.clicked.connect(self.new_requested)
        self.search.textChanged.connect(lambda _: self.refresh())
        theme.changed.connect(self.refresh)
        self.refresh()

    def show_state(self, open_chat: Chat | None, replying: frozenset[ChatId]) -> None:
        """Select the open chat, and mark those in which a reply is being written."""
        self._open = open_chat.id if open_chat else None
        self._replying = replying
        self.refresh()

    def refresh(self) -> None:
        """Reload the chats."""
        words = self.search.text().strip()
        found = self._chats.search(words) if words else self._chats.chats()
        self.list.clear()
        for chat in found:
            item = self._item(chat)
            self.list.addItem(item)
            if chat.id == self._open:
                self.list.setCurrentItem(item)
        self.search.setVisible(bool(words) or bool(found))
        self._empty.setVisible(not found)
        self._empty.set_text(tr("No chat has these words.") if words else "")

    def _item(self, chat: Chat) -> QListWidgetItem:
        title = chat.title or tr("New chat")
        item = QListWidgetItem(title)
        item.setData(_CHAT, chat)
        if chat.id in self._replying:
            colors = self._theme.colors
            item.setIcon(icon("more", colors, colors.accent))
            item.setToolTip(plain_tool_tip(tr("A reply is being written")))
            words = tr("{title}, a reply is being written", title=title)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, words)
        return item

    def _show_menu(self, place: QPoint) -> None:
        item = self.list.itemAt(place)
        if item is None:
            return
        chat: Chat = item.data(_CHAT)
        menu = QMenu(self)
        menu.addAction(tr("Rename…"), lambda: self._rename(chat))
        menu.addAction(tr("Delete…"), lambda: self._ask_to_delete(chat))
        menu.popup(self.list.viewport().mapToGlobal(place))

    def _rename(self, chat: Chat) -> None:
        words = (tr("Rename chat"), tr("Title"), chat.title, tr("Rename"))
        dialog = NameDialog(self._theme, *words, self)
        dialog.named.connect(lambda title: self._keep_title(chat, title))
        dialog.open()

    def _keep_title(self, chat: Chat, title: str) -> None:
        self._chats.rename(chat.id, title)
        self.refresh()

    def _ask_to_delete(self, chat: Chat) -> None:
        dialog = ConfirmDialog(
            self._theme,
            tr("Delete this chat?"),
            tr("It can't be undone."),
            [chat.title],
            tr("Delete"),
            self,
            is_destructive=True,
        )
        dialog.accepted.connect(lambda: self._delete(chat))
        dialog.open()

    def _delete(self, chat: Chat) -> None:
        self._chats.delete(chat.id)
        self.deleted.emit(chat)
        self.refresh()
