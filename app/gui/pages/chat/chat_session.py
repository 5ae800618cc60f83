"""Keep the open conversation, its messages and the reply in progress."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.chat.conversation import Chat, ChatId, Message, MessageId
from app.core.errors import AppError
from app.core.language import tr
from app.core.sentences import describe_error
from app.gui.pages.chat.streamed_reply import StreamedReply
from app.gui.services.engine import EngineAbsent, EngineFailed
from app.gui.services.workbench import Workbench


class ChatSession(QObject):
    """Sends messages and receives replies for one chat at a time.

    Signals:
        opened: another chat is open, or none; its messages are in `messages`.
        added: a message was added at the end.
        thought: the new part of the model's reasoning before its reply.
        grew: the new part of the last message.
        ended: the last message is final.
        listed: the list of chats has changed.
        failed: a sentence about an error.
    """

    opened = Signal()
    added = Signal(object)
    thought = Signal(str)
    grew = Signal(str)
    ended = Signal(object)
    listed = Signal()
    failed = Signal(str)

    def __init__(self, workbench: Workbench, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = workbench.engine
        self._chats = workbench.chats
        self._settings = workbench.settings
        self._reply: StreamedReply | None = None
        self.chat: Chat | None = None
        self.messages: list[Message] = []

    @property
    def is_replying(self) -> bool:
        """True if a reply is in progress."""
        return self._reply is not None

    def open(self, chat: Chat | None) -> None:
        """Open another chat, or none; stop a reply in progress."""
        self.stop()
        self.chat = chat
        self.messages = self._chats.messages(chat.id) if chat else []
        self.opened.emit()

    def send(self, text: str) -> bool:
        """Send a message; return False if it could not be saved, so that the draft stays."""
        try:
            chat = self.chat or self._begin_chat()
            parent = self.messages[-1].id if self.messages else None
            self._append(self._chats.add_message(chat.id, parent, "user", text))
            self._answer(chat.id)
        except AppError as error:
            self.failed.emit(describe_error(error.code, error.details))
            return False
        except KeyError:
            self._leave_deleted()
            return False
        self.listed.emit()
        return True

    def regenerate(self) -> None:
        """Request another reply to the user's last message; the old one is kept as a branch."""
        self.stop()
        if self.chat is None:
            return
        while self.messages and self.messages[-1].role == "assistant":
            self.messages.pop()
        if not self.messages:
            return
        self.opened.emit()
        try:
            self._answer(self.chat.id)
        except AppError as error:
            self.failed.emit(describe_error(error.code, error.details))
        except KeyError:
            self._leave_deleted()

    def stop(self) -> None:
        """Stop the reply in progress and keep its text."""
        if self._reply is not None:
            self._reply.stop()

    def _leave_deleted(self) -> None:
        """Leave a chat that another process deleted."""
        self.open(None)
        self.listed.emit()
        self.failed.emit(tr("This chat was deleted. Your next message starts a new one."))

    def _begin_chat(self) -> Chat:
        self.chat = self._chats.create_chat(self._model_name())
        return self.chat

    def _answer(self, chat: ChatId) -> None:
        self._wake_engine()
        history = tuple(self.messages)
        empty = self._chats.add_message(
            chat, history[-1].id, "assistant", "", state="streaming", model=self._model_name()
        )
        self._append(empty)
        settings = self._settings.value
        self._reply = StreamedReply(
            self._engine, self._chats, empty, history, settings, parent=self
        )
        self._reply.thought.connect(self.thought)
        self._reply.grew.connect(self.grew)
        self._reply.ended.connect(self._on_ended)
        self._reply.begin()

    def _append(self, message: Message) -> None:
        self.messages.append(message)
        self.added.emit(message)

    def _wake_engine(self) -> None:
        """Load the model again after a crash."""
        state = self._engine.state
        if isinstance(state, EngineFailed):
            self._engine.load(state.path, state.name)

    def _model_name(self) -> str:
        state = self._engine.state
        return "" if isinstance(state, EngineAbsent) else state.name

    def _on_ended(self) -> None:
        reply, self._reply = self._reply, None
        if reply is None or self.chat is None:
            return
        reply.deleteLater()
        stored = self._stored(reply.message.id)
        if stored is not None:
            self.messages[-1] = stored
            self.ended.emit(stored)

    def _stored(self, message_id: MessageId) -> Message | None:
        if self.chat is None:
            return None
        messages = self._chats.messages(self.chat.id)
        return next((message for message in messages if message.id == message_id), None)
