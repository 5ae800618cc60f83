"""List the conversations by day, newest first."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QListWidgetItem, QMenu, QVBoxLayout, QWidget

from app.chat.chat_store import ChatStore
from app.chat.conversation import Chat, ChatId
from app.chat.search_hit import SearchHit
from app.core.language import tr
from app.gui.pages.chat.chat_groups import grouped
from app.gui.pages.chat.chat_row_delegate import HIT
from app.gui.pages.chat.chat_rows import ChatRows
from app.gui.theme.icons import icon
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.clearable_field import ClearableField
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.plain_text import plain_tool_tip


class ChatList(QWidget):
    """Lists the chats of a store; a title is renamed in place.

    Signals:
        chosen: the chat to open.
        new_requested: the user wants an empty chat.
        renamed: a chat has another title.
        deleted: a chat was deleted.
        typed: plain text, which is meant for a message.
    """

    chosen = Signal(object)
    new_requested = Signal()
    renamed = Signal()
    deleted = Signal(object)
    typed = Signal(str)

    def __init__(self, theme: Theme, chats: ChatStore, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._chats = chats
        self._open: ChatId | None = None
        self._replying: frozenset[ChatId] = frozenset()
        self.setFixedWidth(SIZE.chats)
        self.setAccessibleName(tr("Chats"))
        self.new_button = self.safe_control = Button(theme, tr("New chat"), icon_name="new-chat")
        self.search = ClearableField(tr("Search chats"))
        self.list = ChatRows(theme, tr("Chats"))
        self._empty = PlainLabel(tr("No matches"), "caption", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.small)
        column.addWidget(self.new_button)
        column.addWidget(self.search)
        column.addWidget(self._empty)
        column.addWidget(self.list, 1)
        self.list.opened.connect(lambda item: self.chosen.emit(item.data(HIT).chat))
        self.list.typed.connect(self.typed)
        self.list.menu_requested.connect(self._show_menu)
        self.list.renamed.connect(self._rename)
        self.list.delete_requested.connect(lambda item: self._ask_to_delete(item.data(HIT).chat))
        self.list.editing_ended.connect(self.refresh, Qt.ConnectionType.QueuedConnection)
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
        """Reload the chats; if a title is being edited, wait until that ends."""
        if self.list.is_editing:
            return
        words = self.search.text().strip()
        hits = self._hits(words)
        place = self.list.verticalScrollBar().value()
        self.list.clear()
        for heading, group in grouped(hits, datetime.now().astimezone().date()):
            self.list.add_heading(heading)
            for hit in group:
                self._add(hit)
        self.list.verticalScrollBar().setValue(place)
        self.search.setVisible(bool(words) or bool(hits))
        self._empty.setVisible(bool(words) and not hits)

    def _hits(self, words: str) -> list[SearchHit]:
        if words:
            return self._chats.search(words)
        return [SearchHit(chat, "") for chat in self._chats.chats()]

    def _add(self, hit: SearchHit) -> None:
        title = hit.chat.title or tr("New chat")
        item = self.list.add_chat(hit, title)
        if hit.chat.id in self._replying:
            colors = self._theme.colors
            item.setIcon(icon("pencil", colors, colors.accent))
            item.setToolTip(plain_tool_tip(tr("Writing a reply…")))
            words = tr("{title}, a reply is being written", title=title)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, words)
        if hit.chat.id == self._open:
            self.list.setCurrentItem(item)

    def _show_menu(self, item: QListWidgetItem, place: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        chat: Chat = item.data(HIT).chat
        rename = menu.addAction(tr("Rename"), lambda: self._edit(chat))
        rename.setShortcut(Qt.Key.Key_F2)
        delete = menu.addAction(tr("Delete…"), lambda: self._ask_to_delete(chat))
        delete.setShortcut(Qt.Key.Key_Delete)
        menu.popup(place)

    def _edit(self, chat: Chat) -> None:
        """Edit the title of a chat in its row."""
        item = next((item for item in self._items() if item.data(HIT).chat.id == chat.id), None)
        if item is not None:
            self.list.setFocus()
            self.list.editItem(item)

    def _items(self) -> list[QListWidgetItem]:
        """Return the rows that show a chat, from top to bottom."""
        rows = (self.list.item(row) for row in range(self.list.count()))
        return [item for item in rows if item.data(HIT) is not None]

    def _rename(self, item: QListWidgetItem, title: str) -> None:
        self._chats.rename(item.data(HIT).chat.id, title)
        self.renamed.emit()

    def _ask_to_delete(self, chat: Chat) -> None:
        dialog = ConfirmDialog(
            self._theme,
            tr("Delete this chat?"),
            tr("This can't be undone."),
            [chat.title or tr("New chat")],
            tr("Delete"),
            self,
            is_destructive=True,
        )
        dialog.accepted.connect(lambda: self._delete(chat))
        dialog.open()

    def _delete(self, chat: Chat) -> None:
        neighbor = self._neighbor_of(chat) if self._is_highlighted(chat) else None
        self._chats.delete(chat.id)
        self.deleted.emit(chat)
        self.refresh()
        if neighbor is not None:
            self.chosen.emit(neighbor)

    def _is_highlighted(self, chat: Chat) -> bool:
        current = self.list.currentItem()
        return current is not None and bool(current.data(HIT).chat.id == chat.id)

    def _neighbor_of(self, chat: Chat) -> Chat | None:
        """Return the chat below another one, or else the one above it."""
        shown: list[Chat] = [item.data(HIT).chat for item in self._items()]
        place = next((at for at, one in enumerate(shown) if one.id == chat.id), len(shown))
        near = shown[place + 1 : place + 2] or shown[:place][-1:]
        return near[0] if near else None
