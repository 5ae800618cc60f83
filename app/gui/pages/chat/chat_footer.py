"""Footer of a conversation: the composer, and the notes above it."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.chat.conversation import Chat
from app.core.language import tr
from app.gui.pages.chat.chat_session import ChatSession
from app.gui.pages.chat.drafts import Drafts
from app.gui.pages.chat.message_editing import MessageEditing
from app.gui.pages.chat.message_list import RIGHT_MARGIN
from app.gui.pages.chat.resume_note import ResumeNote
from app.gui.pages.chat.starter_note import StarterNote
from app.gui.services.engine import EngineIdle
from app.gui.services.workbench import Workbench
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.composer import Composer


class ChatFooter(QWidget):
    """Stands below the messages and is as wide as they are; each chat has its own draft in it."""

    def __init__(
        self, workbench: Workbench, session: ChatSession, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._engine = workbench.engine
        self._session = session
        self.composer = Composer(workbench.theme)
        self.starter_note = StarterNote(workbench.theme, workbench.engine)
        self.resume_note = ResumeNote(workbench, session)
        self.editing = MessageEditing(workbench.theme, self.composer)
        self._drafts = Drafts(self.composer)
        column_widget = QWidget()
        column_widget.setMaximumWidth(SIZE.reading)
        column = QVBoxLayout(column_widget)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.medium)
        for widget in (self.starter_note, self.resume_note, self.editing, self.composer):
            column.addWidget(widget)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, RIGHT_MARGIN, 0)
        row.addStretch(1)
        row.addWidget(column_widget, SIZE.reading)
        row.addStretch(1)
        session.opened.connect(self._show_chat)
        workbench.engine.changed.connect(self._show_availability)
        workbench.models.changed.connect(self._show_availability)
        workbench.endpoints.changed.connect(self._show_availability)
        self._show_availability()

    def send(self, text: str) -> None:
        """Send a message, or another version of the one that is edited."""
        is_sent = self._session.send(text, self.editing.edited)
        # The first message begins a chat.
        self._drafts.show(self._session.chat)
        if not is_sent:
            self.composer.set_text(text)

    def forget(self, chat: Chat) -> None:
        """Drop the draft of a chat that was deleted."""
        self._drafts.forget(chat)

    def _show_chat(self) -> None:
        self.editing.end()
        self._drafts.show(self._session.chat)
        self._show_availability()

    def _show_availability(self) -> None:
        """Let messages be sent to the model, or to the one that is then loaded."""
        is_idle = isinstance(self._engine.state, EngineIdle)
        can_write = not is_idle or self._session.model_to_continue_with() is not None
        self.composer.set_available(
            can_write, "" if can_write else tr("Load a model to write to it")
        )
