"""Chat page with the list of conversations, the open one, and the composer."""

from __future__ import annotations

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QProgressBar, QStackedLayout, QVBoxLayout, QWidget

from app.chat.conversation import Chat, Message
from app.core.language import tr
from app.gui.markdown.link_dialog import ask_to_open
from app.gui.pages.chat.chat_columns import ChatColumns
from app.gui.pages.chat.chat_footer import ChatFooter
from app.gui.pages.chat.chat_header import ChatHeader
from app.gui.pages.chat.chat_list import ChatList
from app.gui.pages.chat.chat_session import ChatSession
from app.gui.pages.chat.chat_settings_panel import ChatSettingsPanel
from app.gui.pages.chat.empty_chat import EmptyChat
from app.gui.pages.chat.message_list import MessageList
from app.gui.pages.chat.share_notice import ShareNotice
from app.gui.services.engine import (
    EngineConnected,
    EngineFailed,
    EngineLoading,
    EngineReady,
    EngineState,
)
from app.gui.services.workbench import Workbench
from app.gui.theme.tokens import SPACING
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.text_dialog import TextDialog

_PERCENT = 100


class ChatPage(QWidget):
    """Chats with the loaded model.

    Signals:
        models_requested: the user wants the models page, for a first model or a better one.
        replied: the tokens per second of a complete reply.
    """

    models_requested = Signal()
    replied = Signal(float)

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workbench = workbench
        theme = workbench.theme
        self.session = ChatSession(workbench, self)
        self.chat_list = ChatList(theme, workbench.chats)
        self.header = ChatHeader(workbench)
        self.picker = self.header.picker
        self.share_notice = ShareNotice(theme, workbench.engine)
        self.panel = ChatSettingsPanel(workbench)
        self.notice = NoticeBar(theme)
        self.messages = MessageList(theme)
        self.footer = ChatFooter(workbench, self.session)
        self.composer = self.safe_control = self.footer.composer
        self.editing = self.footer.editing
        self._loading = QProgressBar()
        self._loading.setTextVisible(False)
        self._loading.setRange(0, _PERCENT)
        self._loading.setAccessibleName(tr("Loading the model"))
        self.empty = EmptyChat(workbench)
        # Escape stops or cancels wherever the focus is; else it has its usual meanings.
        self._escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), self)
        self._build_layout()
        self._connect()
        self._add_shortcuts()
        self._show_engine(workbench.engine.state)
        self._show_session()

    def focus_composer(self) -> None:
        """Give the composer the focus."""
        self.composer.setFocus()

    def start_new(self) -> None:
        """Show an empty chat, which is saved with its first message."""
        self.session.open(None)
        self.focus_composer()

    def finish(self) -> None:
        """Stop and save the replies in progress, for when the window is closing."""
        self.session.stop_all()

    def _build_layout(self) -> None:
        self.setProperty("role", "page")
        self.setAccessibleName(tr("Chat"))
        conversation = QWidget()
        column = QVBoxLayout(conversation)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.medium)
        self._stack = QStackedLayout()
        column.addWidget(self._loading)
        column.addWidget(self.notice)
        column.addWidget(self.share_notice)
        column.addLayout(self._stack, 1)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.messages)
        column.addWidget(self.footer)
        lists_chats = self._workbench.settings.value.lists_chats
        self.columns = ChatColumns(
            self.chat_list, self.header, conversation, self.panel, lists_chats=lists_chats
        )
        self.header.show_list_state(is_shown=self.columns.shows_list)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(SPACING.wide, SPACING.medium, SPACING.wide, SPACING.large)
        outer.addWidget(self.columns)

    def _connect(self) -> None:
        session, foot = self.session, self.footer
        session.opened.connect(self._show_session)
        session.added.connect(self._on_added)
        session.thought.connect(self.messages.append_reasoning)
        session.grew.connect(self.messages.append_text)
        session.progressed.connect(self.messages.show_progress)
        session.ended.connect(self._on_ended)
        session.listed.connect(self._list_chats)
        session.failed.connect(lambda words: self.notice.show_notice("error", words))
        self.picker.chosen.connect(self.focus_composer)
        self.picker.box.closed.connect(self.focus_composer)
        self.picker.models_requested.connect(self.models_requested)
        self.composer.sent.connect(self._send)
        self.composer.stopped.connect(session.stop)
        self._escape.activated.connect(self._on_escape)
        self.messages.edit_requested.connect(self._edit)
        self.editing.cancel_button.clicked.connect(self._end_editing)
        self.messages.regenerate_requested.connect(self._regenerate)
        self.messages.version_requested.connect(self._show_version)
        self.messages.larger_context_requested.connect(self.picker.options_button.click)
        self.messages.link_clicked.connect(self._ask_to_open)
        self.chat_list.chosen.connect(self._open)
        self.chat_list.new_requested.connect(self.start_new)
        self.chat_list.renamed.connect(session.refresh_chat)
        self.chat_list.deleted.connect(self._on_deleted)
        self.chat_list.typed.connect(self.composer.type_text)
        self.notice.acted.connect(self._on_notice_acted)
        self.empty.chosen.connect(self.focus_composer)
        self.empty.list_requested.connect(self.picker.open_list)
        self.empty.models_requested.connect(self.models_requested)
        foot.starter_note.acted.connect(self.models_requested)
        foot.resume_note.chosen.connect(self.focus_composer)
        foot.resume_note.list_requested.connect(self.picker.open_list)
        foot.resume_note.models_requested.connect(self.models_requested)
        self.share_notice.acted.connect(self._open_sharing)
        self._connect_header()
        self._workbench.engine.changed.connect(self._show_engine)

    def _add_shortcuts(self) -> None:
        for keys, act in {
            "Ctrl+B": self.columns.toggle_list,
            "Ctrl+R": self._regenerate,
            "Ctrl+Shift+C": self.messages.copy_last,
        }.items():
            QShortcut(QKeySequence(keys), self).activated.connect(act)

    def _connect_header(self) -> None:
        header, columns, panel = self.header, self.columns, self.panel
        header.share_button.clicked.connect(self._open_sharing)
        header.list_button.clicked.connect(columns.toggle_list)
        header.new_button.clicked.connect(self.start_new)
        columns.list_shown.connect(lambda is_shown: header.show_list_state(is_shown=is_shown))
        columns.list_folded.connect(
            lambda is_folded: self._workbench.settings.change(lists_chats=not is_folded)
        )
        header.settings_button.toggled.connect(columns.show_panel)
        columns.panel_displaced.connect(lambda: header.settings_button.setChecked(False))
        panel.closed.connect(self._close_panel)
        panel.changed.connect(self.session.choose)
        panel.kept.connect(self.session.keep_as_default)

    def _close_panel(self) -> None:
        self.header.settings_button.setChecked(False)
        self.header.settings_button.setFocus()

    def _open_sharing(self) -> None:
        from app.gui.pages.chat.share_dialog import ShareDialog

        ShareDialog(self._workbench, self).open()

    def _engine_state(self) -> EngineState:
        return self._workbench.engine.state

    def _send(self, text: str) -> None:
        self.footer.send(text)
        self._show_replying()

    def _edit(self, message: Message) -> None:
        self.editing.begin(message)
        self._show_replying()

    def _end_editing(self) -> None:
        self.editing.end()
        self._show_replying()
        self.focus_composer()

    def _on_escape(self) -> None:
        if self.session.is_replying:
            self.session.stop()
        else:
            self._end_editing()

    def _regenerate(self) -> None:
        # The button that was pressed is gone.
        self.focus_composer()
        self.session.regenerate()
        self._show_replying()

    def _show_version(self, message: Message, step: int) -> None:
        # The button that was pressed is gone.
        self.focus_composer()
        self.session.show_version(message, step)

    def _open(self, chat: Chat) -> None:
        if self.session.chat is None or chat.id != self.session.chat.id:
            self.session.open(chat)

    def _on_deleted(self, chat: Chat) -> None:
        self.session.forget(chat.id)
        self.footer.forget(chat)

    def _on_added(self, message: Message) -> None:
        self._stack.setCurrentWidget(self.messages)
        self.messages.add(message, *self.session.versions.place_of(message))

    def _on_ended(self, message: Message) -> None:
        self.messages.finish(message)
        self._show_replying()
        if message.tokens_per_second:
            self.replied.emit(message.tokens_per_second)

    def _ask_to_open(self, url: QUrl) -> None:
        ask_to_open(url, self._workbench.theme, self)

    def _list_chats(self) -> None:
        chat = self.session.chat
        self.chat_list.show_state(chat, self.session.replying)
        self.header.show_title(chat.title if chat else "")

    def _show_session(self) -> None:
        self.messages.clear()
        for message in self.session.messages:
            self.messages.add(message, *self.session.versions.place_of(message))
        self._stack.setCurrentWidget(self.messages if self.session.messages else self.empty)
        self.panel.show_settings(self.session.chosen)
        if not isinstance(self._engine_state(), EngineFailed):
            # The notice was about the chat that was open.
            self.notice.hide()
        self._show_replying()
        self._list_chats()

    def _show_replying(self) -> None:
        is_replying = self.session.is_replying
        self.composer.set_replying(is_replying)
        self.messages.set_replying(is_replying)
        self._escape.setEnabled(is_replying or self.editing.edited is not None)

    def _show_engine(self, state: EngineState) -> None:
        self._loading.setVisible(isinstance(state, EngineLoading))
        match state:
            case EngineLoading(_, _, fraction):
                self._loading.setValue(round(_PERCENT * fraction))
                self.notice.hide()
            case EngineFailed(_, name, _, _) if self.session.is_replying:
                # The reply says why.
                words = tr("{name} is not loaded.", name=name)
                self.notice.show_notice("error", words, [("log", tr("Show log"))])
            case EngineFailed(_, _, sentence, _):
                actions = [
                    ("retry", tr("Try again")),
                    ("options", tr("Options…")),
                    ("log", tr("Show log")),
                ]
                self.notice.show_notice("error", sentence, actions, dismissible=False)
            case EngineReady() | EngineConnected():
                self.notice.hide()
        self.messages.context_can_grow = self._context_can_grow(state)

    def _context_can_grow(self, state: EngineState) -> bool:
        """Return whether the model was trained for more tokens than it is loaded with."""
        if not isinstance(state, EngineReady):
            return not isinstance(state, EngineConnected)
        listed = self._workbench.models.model_at(state.path)
        return listed is None or listed.context > state.server.context

    def _on_notice_acted(self, action: str) -> None:
        state = self._engine_state()
        if not isinstance(state, EngineFailed):
            return
        if action == "retry":
            self._workbench.engine.load(state.path, state.name)
        elif action == "options":
            self.picker.options_button.click()
        else:
            title = tr("The engine's log")
            TextDialog(self._workbench.theme, title, state.log, self, at_end=True).open()
