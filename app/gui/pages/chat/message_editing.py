"""Edit a sent message: it is sent again as another version, and the earlier one stays."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.chat.conversation import Message
from app.core.language import tr
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.composer import Composer
from app.gui.widgets.plain_label import PlainLabel


class MessageEditing(QWidget):
    """Line above the composer while an earlier message is edited in it.

    `edited` is that message, or None. The draft that was in the composer returns at the end.
    """

    def __init__(self, theme: Theme, composer: Composer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.edited: Message | None = None
        self._composer = composer
        self._draft = ""
        self.cancel_button = Button(theme, tr("Cancel"), "link", compact=True)
        words = tr("You are editing a message. The earlier version is kept.")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.small)
        row.addWidget(PlainLabel(words, "caption", elide=True))
        row.addWidget(self.cancel_button)
        row.addStretch(1)
        self.hide()

    def begin(self, message: Message) -> None:
        """Put a message into the composer."""
        self.end()
        self.edited, self._draft = message, self._composer.text
        self._composer.set_text(message.text)
        self._composer.setFocus()
        self.show()

    def end(self) -> None:
        """Give the draft back, whether the message was sent or not."""
        if self.edited is not None:
            self.edited = None
            self._composer.set_text(self._draft)
            self.hide()
