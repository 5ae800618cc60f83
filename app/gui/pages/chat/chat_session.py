"""Keep the open conversation, its messages, and the replies in progress in all chats."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import msgspec
from PySide6.QtCore import QObject, Signal, SignalInstance

from app.chat.conversation import Chat, ChatId, Conversation, Message, MessageId
from app.core.chat_settings import ChatSettings
from app.core.errors import AppError
from app.core.language import tr
from app.core.sentences import describe_error
from app.gui.pages.chat.chat_model import ChatModel
from app.gui.pages.chat.message_versions import MessageVersions
from app.gui.pages.chat.reply_progress import ReplyProgress, progress_words
from app.gui.pages.chat.streamed_reply import StreamedReply
from app.gui.services.engine import EngineReady
from app.gui.services.model_entry import ModelEntry
from app.gui.services.settings_holder import SettingValue
from app.gui.services.workbench import Workbench


class ChatSession(QObject):
    """Sends messages and receives replies; one chat is open, and replies in others go on.

    Signals are about the open chat, except for `listed`.

    Signals:
        opened: another chat is open, or none; its messages are in `messages`.
        added: a message was added at the end.
        thought: the new part of the model's reasoning before its reply.
        grew: the new part of the last message.
        progressed: a line about the reply in progress.
        ended: the last message is final.
        listed: the list of chats has changed, or the chats in which a reply is in progress.
        failed: a sentence about an error.
    """

    opened = Signal()
    added = Signal(object)
    thought = Signal(str)
    grew = Signal(str)
    progressed = Signal(str)
    ended = Signal(object)
    listed = Signal()
    failed = Signal(str)

    def __init__(self, workbench: Workbench, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = workbench.engine
        self._model = ChatModel(workbench)
        self._chats = workbench.chats
        self._settings = workbench.settings
        self._replies: dict[ChatId, StreamedReply] = {}
        self.chat: Chat | None = None
        self.chosen = self._settings.value.chat_defaults
        self.messages: list[Message] = []
        self.versions = MessageVersions()

    @property
    def is_replying(self) -> bool:
        """True if a reply is in progress in the open chat."""
        return self.chat is not None and self.chat.id in self._replies

    @property
    def replying(self) -> frozenset[ChatId]:
        """The chats in which a reply is in progress."""
        return frozenset(self._replies)

    def model_to_continue_with(self) -> ModelEntry | None:
        """Return the model that is loaded when a reply is wanted and no model is."""
        return self._model.to_continue_with(self.messages)

    def open(self, chat: Chat | None) -> None:
        """Open another chat, or none."""
        if chat is not None and chat.id in self._replies:
            self._replies[chat.id].catch_up()
        try:
            stored = self._chats.conversation(chat.id) if chat else None
        except KeyError:
            self._leave_deleted()
            return
        self.chat = stored.chat if stored else None
        self.chosen = stored.chat.settings if stored else self._settings.value.chat_defaults
        self._show(stored)
        self._tell_progress()

    def show_version(self, message: Message, step: int) -> None:
        """Show the version `step` places after this one, with what follows it."""
        wanted = self.versions.beside(message, step)
        if self.is_replying or wanted is None:
            return
        try:
            self._chats.show(wanted)
        except AppError as error:
            self.failed.emit(describe_error(error.code, error.details))
            return
        self.open(self.chat)

    def refresh_chat(self) -> None:
        """Read the title of the open chat again."""
        if self.chat is not None:
            self.chat = self._chats.conversation(self.chat.id).chat
        self.listed.emit()

    def choose(self, settings: ChatSettings) -> None:
        """Set the settings of the open chat, or of the chat that the next message begins."""
        self.chosen = settings
        if self.chat is None:
            return
        try:
            self._chats.change_settings(self.chat.id, settings)
        except AppError as error:
            self.failed.emit(describe_error(error.code, error.details))

    def keep_as_default(self) -> None:
        """Let new chats start with the settings of this one."""
        chosen = msgspec.structs.replace(self.chosen, system_prompt="")
        changes: dict[str, SettingValue] = {"chat_defaults": chosen}
        if self.chosen.system_prompt.strip():
            changes["system_prompt"] = self.chosen.system_prompt
        self._settings.change(**changes)

    def send(self, text: str, edited: Message | None = None) -> bool:
        """Send a message; return False if it could not be saved, so that the draft stays.

        With `edited`, a message of the open chat, it becomes a version of that one.
        """
        before = self.messages[: self.messages.index(edited)] if edited else self.messages
        try:
            chat = self.chat or self._begin_chat()
            parent = before[-1].id if before else None
            added = self._chats.add_message(chat.id, parent, "user", text)
            if edited is not None:
                self.messages = before
                self.opened.emit()
            self._append(added)
            # The first message has given the chat its title.
            self.chat = chat if chat.title else self._chats.conversation(chat.id).chat
            self._answer(chat.id)
        except AppError as error:
            self.failed.emit(describe_error(error.code, error.details))
            return False
        except KeyError:
            self._leave_deleted()
            return False
        return True

    def regenerate(self) -> None:
        """Request another reply to the user's last message.

        The old one is kept as a branch, and is shown again if the new one fails before its first
        word.
        """
        self.stop()
        if self.chat is None:
            return
        is_stuck = self._model.is_missing and self.model_to_continue_with() is None
        if is_stuck and not self._chats.is_deleted(self.chat.id):
            self.failed.emit(tr("Load a model to get another reply."))
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
        """Stop the reply in progress in the open chat and keep its text."""
        if self.chat is not None and self.chat.id in self._replies:
            self._replies[self.chat.id].stop()

    def stop_all(self) -> None:
        """Stop the replies in all chats and keep their texts."""
        for reply in list(self._replies.values()):
            reply.stop()

    def forget(self, chat: ChatId) -> None:
        """Close a chat that was deleted, and stop its reply."""
        reply = self._replies.get(chat)
        if self._is_open(chat):
            self.open(None)
        if reply is not None:
            reply.stop()

    def _show(self, stored: Conversation | None) -> None:
        self.messages = stored.active_path() if stored else []
        self.versions = MessageVersions(stored.messages if stored else ())
        self.opened.emit()

    def _leave_deleted(self) -> None:
        """Leave a chat that another process deleted."""
        self.open(None)
        self.listed.emit()
        self.failed.emit(tr("This chat was deleted. Your next message starts a new one."))

    def _begin_chat(self) -> Chat:
        self._model.wake(self.messages)
        self.chat = self._chats.create_chat(self._model.name, self.chosen)
        return self.chat

    def _answer(self, chat: ChatId) -> None:
        self._model.wake(self.messages)
        history = tuple(self.messages)
        empty = self._chats.add_message(
            chat, history[-1].id, "assistant", "", state="streaming", model=self._model.name
        )
        self._append(empty)
        settings = self._settings.value
        reply = StreamedReply(
            self._engine,
            self._chats,
            empty,
            history,
            self.chosen,
            settings,
            largest_context=self._model.largest_context,
            parent=self,
        )
        reply.thought.connect(lambda words: self._pass_on(chat, self.thought, words))
        reply.grew.connect(lambda words: self._pass_on(chat, self.grew, words))
        reply.progressed.connect(lambda: self._on_progress(chat))
        reply.ended.connect(lambda: self._on_ended(chat))
        self._replies[chat] = reply
        reply.begin()
        self.listed.emit()

    def _append(self, message: Message) -> None:
        self.messages.append(message)
        self.versions.add(message)
        self.added.emit(message)

    def _is_open(self, chat: ChatId) -> bool:
        return self.chat is not None and self.chat.id == chat

    def _pass_on(self, chat: ChatId, signal: SignalInstance, words: str) -> None:
        if self._is_open(chat):
            signal.emit(words)

    def _on_progress(self, chat: ChatId) -> None:
        if self._is_open(chat):
            self._tell_progress()

    def _tell_progress(self) -> None:
        reply = self._replies.get(self.chat.id) if self.chat else None
        if reply is not None:
            self.progressed.emit(progress_words(self._progress_of(reply)))

    def _progress_of(self, reply: StreamedReply) -> ReplyProgress:
        progress = reply.progress
        writing = [one for one in self._replies.values() if one.progress.phase == "writing"]
        is_ours = isinstance(self._engine.state, EngineReady)
        slots = self._settings.value.reply_slots
        if is_ours and progress.phase == "reading" and len(writing) >= slots:
            return replace(progress, phase="waiting")
        return progress

    def _on_ended(self, chat: ChatId) -> None:
        reply = self._replies.pop(chat)
        reply.deleteLater()
        with suppress(KeyError):
            # Another process may have deleted the chat.
            stored = self._stored(chat, reply.message.id)
            if stored is not None and self._is_worse(stored):
                self._bring_back(stored)
            elif stored is not None and self._is_open(chat):
                self.messages[-1] = stored
                self.ended.emit(stored)
        self.listed.emit()

    def _is_worse(self, reply: Message) -> bool:
        """Return whether a reply has no word, and there is an earlier one that has."""
        is_empty = reply.state in ("failed", "stopped") and not (reply.text or reply.thoughts)
        return is_empty and any(one.text for one in self._chats.siblings(reply.id))

    def _bring_back(self, reply: Message) -> None:
        """Show the earlier reply in place of one that has no word."""
        self._chats.delete_message(reply.id)
        if self._is_open(reply.chat):
            self._show(self._chats.conversation(reply.chat))
            if reply.state == "failed":
                self.failed.emit(reply.reason)

    def _stored(self, chat: ChatId, message_id: MessageId) -> Message | None:
        messages = self._chats.messages(chat)
        return next((message for message in messages if message.id == message_id), None)
