"""Show one message of a conversation."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QEvent, Qt, QUrl, Signal
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.core.language import tr
from app.gui.markdown.prose import ProseView
from app.gui.markdown.view import MarkdownView
from app.gui.markdown.visible import break_long_lines
from app.gui.pages.chat.message_actions import MessageActions
from app.gui.pages.chat.thoughts_view import ThoughtsView
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.copy_button import CopyIconButton
from app.gui.widgets.icon_button import IconButton
from app.gui.widgets.plain_label import PlainLabel

_MOST_SHOWN = 20_000

MessageState = Literal["whole", "stopped", "failed"]


class MessageView(QWidget):
    """A message of the user as plain text in a bubble, or of the model as Markdown.

    Signals:
        copied: the text is on the clipboard.
        regenerated: the user wants another reply.
        retried: the user wants the failed or stopped reply again.
        link_clicked: the user activated a web or mail address; nothing has been opened.
    """

    copied = Signal()
    regenerated = Signal()
    retried = Signal()
    link_clicked = Signal(QUrl)

    def __init__(
        self, theme: Theme, role: Literal["user", "assistant"], *, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._role = role
        self._text = ""
        self._content: ProseView | MarkdownView = (
            ProseView(theme) if role == "user" else MarkdownView(theme)
        )
        self._thoughts = ThoughtsView(theme, parent=self)
        self._thoughts.link_clicked.connect(self.link_clicked)
        self._caption = PlainLabel("", "caption", elide=True)
        self._state = PlainLabel("", "muted", wrap=True, selectable=True)
        self._retry = IconButton(theme, "refresh", tr("Retry"), compact=True)
        self._actions = MessageActions()
        self._retry.clicked.connect(self.retried)
        self._content.link_clicked.connect(self.link_clicked)
        self._arrange()
        self.set_state("whole")
        self.set_caption("")

    @property
    def text(self) -> str:
        """The exact text."""
        return self._content.text if isinstance(self._content, MarkdownView) else self._text

    def set_text(self, text: str) -> None:
        """Replace the text."""
        self._text = text
        if isinstance(self._content, MarkdownView):
            self._content.set_text(text)
            return
        self._content.show_plain(break_long_lines(text[:_MOST_SHOWN]))
        left_out = len(text) - _MOST_SHOWN
        if left_out > 0:
            words = tr(
                "{count} more characters, not shown; Copy has them all", count=f"{left_out:,}"
            )
            self.set_caption(words)

    def append(self, text: str) -> None:
        """Append to the model's reply, at most about thirty times a second."""
        self._thoughts.end()
        if isinstance(self._content, MarkdownView):
            self._content.append(text)
        else:
            self.set_text(self._text + text)

    def set_thoughts(self, thoughts: str) -> None:
        """Show the whole reasoning before the reply; may be empty."""
        self._thoughts.show_whole(thoughts)

    def append_thoughts(self, thoughts: str) -> None:
        """Append to the reasoning, at most about thirty times a second."""
        self._thoughts.append(thoughts)

    def set_caption(self, text: str) -> None:
        """Set the caption below the message, such as tokens per second."""
        self._caption.set_text(text)
        self._caption.setVisible(bool(text))

    def set_state(self, state: MessageState, text: str = "") -> None:
        """Show how the reply ended.

        Args:
            state: complete, stopped by the user, or failed. The last two offer a retry.
            text: the sentence to show, for example the error.
        """
        self._state.set_text(text)
        self._state.set_tone("danger" if state == "failed" else "plain")
        self._state_row.setVisible(state != "whole")

    def set_can_regenerate(self, can_regenerate: bool) -> None:  # noqa: FBT001 - a property's value
        """Offer to regenerate this reply, which must be the last one."""
        self._regenerate.setVisible(can_regenerate)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Show the buttons."""
        super().enterEvent(event)
        self._actions.set_hovered(True)

    def leaveEvent(self, event: QEvent) -> None:
        """Hide the buttons."""
        super().leaveEvent(event)
        self._actions.set_hovered(False)

    def _arrange(self) -> None:
        is_user = self._role == "user"
        self.setAccessibleName(tr("You") if is_user else tr("Model"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.tiny)
        column.addWidget(self._thoughts)
        column.addWidget(self._bubble() if is_user else self._content)
        column.addWidget(self._make_state_row())
        column.addWidget(self._make_footer())

    def _bubble(self) -> QWidget:
        bubble = QFrame()
        bubble.setProperty("role", "bubble")
        inside = QVBoxLayout(bubble)
        # The height of the last line includes some space below it.
        inside.setContentsMargins(SPACING.medium, SPACING.small, SPACING.medium, SPACING.tiny)
        inside.addWidget(self._content)
        self._content.setAccessibleName(tr("Your message"))
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.addSpacing(SPACING.huge)
        row.addStretch(1)
        row.addWidget(bubble, 0)
        return line

    def _make_state_row(self) -> QWidget:
        self._state_row = QWidget()
        row = QHBoxLayout(self._state_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.small)
        row.addWidget(self._state, 1)
        row.addWidget(self._retry, 0, Qt.AlignmentFlag.AlignVCenter)
        return self._state_row

    def _make_footer(self) -> QWidget:
        copy = CopyIconButton(self._theme, tr("Copy message"), lambda: self.text)
        copy.copied.connect(self.copied)
        self._regenerate = IconButton(self._theme, "refresh", tr("Regenerate"), compact=True)
        self._regenerate.clicked.connect(self.regenerated)
        self._regenerate.hide()
        self._actions.add(copy)
        self._actions.add(self._regenerate)
        footer = QWidget()
        row = QHBoxLayout(footer)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.medium)
        if self._role == "user":
            row.addStretch(1)
            row.addWidget(self._caption)
            row.addWidget(self._actions)
        else:
            row.addWidget(self._caption)
            row.addWidget(self._actions)
            row.addStretch(1)
        return footer
