"""Show one message of a conversation."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QEvent, Qt, QUrl, Signal
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.language import tr
from app.gui.markdown.view import MarkdownView
from app.gui.pages.chat.bubble import Bubble
from app.gui.pages.chat.message_actions import MessageActions
from app.gui.pages.chat.thoughts_view import ThoughtsView
from app.gui.pages.chat.version_switch import VersionSwitch
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.copy_button import CopyIconButton
from app.gui.widgets.icon_button import IconButton
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.plain_text import plain_tool_tip

MessageState = Literal["whole", "stopped", "failed"]


class MessageView(QWidget):
    """A message of the user as plain text in a bubble, or of the model as Markdown.

    Signals:
        copied: the text is on the clipboard.
        edited: the user wants to change the message and send it again.
        regenerated: the user wants another reply, or the failed or stopped one again.
        larger_context_wanted: the user wants to load the model with a larger context.
        unfolded: the user wants to read a long message from where it was folded.
        link_clicked: the user activated a web or email address; nothing has been opened.
    """

    copied = Signal()
    edited = Signal()
    regenerated = Signal()
    larger_context_wanted = Signal()
    unfolded = Signal()
    link_clicked = Signal(QUrl)

    def __init__(
        self, theme: Theme, role: Literal["user", "assistant"], *, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._is_whole = True
        self._can_regenerate = False
        self._actions = self._make_actions(role)
        self._content: Bubble | MarkdownView = (
            Bubble(theme, self._actions) if role == "user" else MarkdownView(theme, tr("Reply"))
        )
        self._thoughts = ThoughtsView(theme, parent=self)
        self._thoughts.link_clicked.connect(self.link_clicked)
        self.versions = VersionSwitch(theme)
        self._caption = PlainLabel("", "caption", elide=True)
        self._state = PlainLabel("", "muted", wrap=True, selectable=True)
        self._retry = IconButton(theme, "refresh", tr("Retry"), compact=True)
        self._retry.clicked.connect(self.regenerated)
        self._larger = Button(theme, tr("Larger context…"), "link", compact=True)
        self._larger.clicked.connect(self.larger_context_wanted)
        self._larger.hide()
        self._arrange()
        self.set_state("whole")
        self.set_caption("")

    @property
    def text(self) -> str:
        """The exact text."""
        return self._content.text

    def set_text(self, text: str) -> None:
        """Replace the text."""
        self._content.set_text(text)

    def append(self, text: str) -> None:
        """Append to the model's reply, at most about thirty times a second."""
        self._thoughts.end()
        if isinstance(self._content, MarkdownView):
            self._content.append(text)

    def set_growing(self, is_growing: bool) -> None:  # noqa: FBT001 - a property's value
        """Show where the reply grows."""
        if isinstance(self._content, MarkdownView):
            self._content.set_growing(is_growing)

    def set_thoughts(self, thoughts: str) -> None:
        """Show the whole reasoning before the reply; may be empty."""
        self._thoughts.show_whole(thoughts)

    def append_thoughts(self, thoughts: str) -> None:
        """Append to the reasoning, at most about thirty times a second."""
        self._thoughts.append(thoughts)

    def copy(self) -> None:
        """Put the text on the clipboard."""
        self._copy.click()

    def set_caption(self, text: str, model: str = "") -> None:
        """Set the caption below the reply, such as tokens per second, and the model before it.

        Where there is little room, the model's name is elided.
        """
        figures = f" · {text}" if text and model else text
        self._caption.set_text(f"{model}{figures}", kept=figures)
        self._caption.setVisible(bool(model or text))

    def set_state(self, state: MessageState, text: str = "") -> None:
        """Show how the reply ended.

        Args:
            state: complete, stopped by the user, or failed.
            text: the sentence to show, for example the error.
        """
        self._is_whole = state == "whole"
        self._state.set_text(text)
        self._state.set_tone("danger" if state == "failed" else "plain")
        self._state_row.setVisible(not self._is_whole)
        self._offer()

    def offer_larger_context(self) -> None:
        """Offer a larger context beside the reason."""
        self._larger.show()

    def set_can_regenerate(self, can_regenerate: bool) -> None:  # noqa: FBT001 - a property's value
        """Offer another reply instead of this one, which must be the last."""
        self._can_regenerate = can_regenerate
        self._offer()

    def set_room_above(self, pixels: int) -> None:
        """Set the distance to the message above."""
        self._column.setContentsMargins(0, pixels, 0, 0)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Show the buttons."""
        super().enterEvent(event)
        self._actions.set_hovered(True)

    def leaveEvent(self, event: QEvent) -> None:
        """Hide the buttons."""
        super().leaveEvent(event)
        self._actions.set_hovered(False)

    def _offer(self) -> None:
        """Offer one of the two buttons: beside the reason, or below a complete reply."""
        self._retry.setVisible(self._can_regenerate and not self._is_whole)
        self._regenerate.setVisible(self._can_regenerate and self._is_whole)

    def _arrange(self) -> None:
        self._column = QVBoxLayout(self)
        self._column.setSpacing(SPACING.tiny)
        self.set_room_above(0)
        if isinstance(self._content, Bubble):
            self.setAccessibleName(tr("You"))
            self._content.unfolded.connect(self.unfolded)
        else:
            self.setAccessibleName(tr("Model"))
            self._content.link_clicked.connect(self.link_clicked)
        self._column.addWidget(self._thoughts)
        self._column.addWidget(self._content)
        self._column.addWidget(self._make_state_row())
        if isinstance(self._content, MarkdownView):
            self._column.addLayout(self._footer())
        else:
            self._column.addWidget(self.versions, 0, Qt.AlignmentFlag.AlignRight)

    def _make_state_row(self) -> QWidget:
        self._state_row = QWidget()
        row = QHBoxLayout(self._state_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.small)
        row.addWidget(self._state, 1)
        row.addWidget(self._larger, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._retry, 0, Qt.AlignmentFlag.AlignVCenter)
        return self._state_row

    def _make_actions(self, role: Literal["user", "assistant"]) -> MessageActions:
        self._copy = CopyIconButton(self._theme, tr("Copy message"), lambda: self.text)
        self._copy.copied.connect(self.copied)
        self._regenerate = IconButton(self._theme, "refresh", tr("Regenerate"), compact=True)
        self._regenerate.setToolTip(plain_tool_tip(tr("Regenerate (Ctrl+R)")))
        self._regenerate.clicked.connect(self.regenerated)
        actions = MessageActions()
        if role == "user":
            edit = IconButton(self._theme, "pencil", tr("Edit message"), compact=True)
            edit.clicked.connect(self.edited)
            actions.add(edit)
        actions.add(self._copy)
        actions.add(self._regenerate)
        return actions

    def _footer(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(SPACING.small)
        row.addWidget(self.versions)
        row.addWidget(self._caption)
        row.addWidget(self._actions)
        row.addStretch(1)
        return row
