"""Keep an unsent message with its chat while another chat is open."""

from __future__ import annotations

from app.chat.conversation import Chat, ChatId
from app.gui.widgets.composer import Composer


class Drafts:
    """The drafts of all chats, until the window closes; a chat that is yet to begin has one too."""

    def __init__(self, composer: Composer) -> None:
        self._composer = composer
        self._open: ChatId | None = None
        self._kept: dict[ChatId | None, str] = {}

    def show(self, chat: Chat | None) -> None:
        """Keep what is in the composer for the chat that was open, and show this one's draft."""
        opened = chat.id if chat else None
        if opened != self._open:
            self._kept[self._open] = self._composer.text
            self._open = opened
            self._composer.set_text(self._kept.pop(opened, ""))

    def forget(self, chat: Chat) -> None:
        """Drop the draft of a chat that was deleted."""
        self._kept.pop(chat.id, None)
