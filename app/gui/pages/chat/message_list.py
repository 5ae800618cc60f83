"""Show the messages of a conversation, and follow the newest unless scrolled up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.chat.chat_store import INTERRUPTED
from app.chat.conversation import Message
from app.core.errors import ErrorCode
from app.core.language import tr, tr_count
from app.core.sizes import format_pace
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.button import Button

if TYPE_CHECKING:
    from app.gui.pages.chat.message_view import MessageView

RIGHT_MARGIN = SPACING.medium + SIZE.scroll_bar
"""Room beside the messages, with or without a scroll bar."""

_NEAR_END_PIXELS = 48


class MessageList(QScrollArea):
    """Shows messages.

    Signals:
        edit_requested: the user wants to change a message and send it again.
        regenerate_requested: the user wants another last reply.
        larger_context_requested: the user wants to load the model with a larger context.
        version_requested: the user wants the version of a message before it (-1) or after it (1).
        link_clicked: the user activated a web or email address; nothing has been opened.
    """

    edit_requested = Signal(object)
    regenerate_requested = Signal()
    larger_context_requested = Signal()
    version_requested = Signal(object, int)
    link_clicked = Signal(QUrl)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._views: list[MessageView] = []
        self._follows = True
        self.context_can_grow = True
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(tr("Messages"))
        column_widget = QWidget()
        column_widget.setMaximumWidth(SIZE.reading)
        self._column = QVBoxLayout(column_widget)
        self._column.setContentsMargins(0, SPACING.small, 0, SPACING.small)
        self._column.setSpacing(0)
        self._column.addStretch(1)
        inner = QWidget()
        inner.setProperty("role", "scrolled")
        self._row = QHBoxLayout(inner)
        self._row.setContentsMargins(0, 0, RIGHT_MARGIN, 0)
        self._row.addStretch(1)
        self._row.addWidget(column_widget, SIZE.reading)
        self._row.addStretch(1)
        self.setWidget(inner)
        self.jump_button = Button(theme, tr("Jump to latest"), icon_name="arrow-down", parent=self)
        self.jump_button.hide()
        self.jump_button.clicked.connect(self.jump_to_latest)
        bar = self.verticalScrollBar()
        bar.valueChanged.connect(self._offer_jump)
        bar.rangeChanged.connect(self._on_range_changed)
        bar.actionTriggered.connect(lambda _: self._note_place(bar.sliderPosition()))

    def jump_to_latest(self) -> None:
        """Show the end of the last message, and follow it."""
        self._follows = True
        bar = self.verticalScrollBar()
        bar.setValue(bar.maximum())
        self._offer_jump()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the button in the middle of the lower edge."""
        super().resizeEvent(event)
        size = self.jump_button.sizeHint()
        left = (self.width() - RIGHT_MARGIN - size.width()) // 2
        top = self.height() - size.height() - SPACING.small
        self.jump_button.setGeometry(left, top, size.width(), size.height())

    def clear(self) -> None:
        """Remove all messages."""
        for view in self._views:
            self._column.removeWidget(view)
            view.hide()
            view.deleteLater()
        self._views = []
        self._follows = True

    def add(self, message: Message, version: int = 1, versions: int = 1) -> None:
        """Add a message, the given one of its versions, and scroll to it."""
        # Imported late: Markdown and its colors would delay the opening of the window.
        from app.gui.pages.chat.message_view import MessageView

        if self._views:
            self._views[-1].set_can_regenerate(False)
        view = MessageView(self._theme, "user" if message.role == "user" else "assistant")
        view.link_clicked.connect(self.link_clicked)
        view.edited.connect(lambda: self.edit_requested.emit(message))
        view.regenerated.connect(self.regenerate_requested)
        view.unfolded.connect(self._stay)
        view.larger_context_wanted.connect(self.larger_context_requested)
        view.versions.wanted.connect(lambda step: self.version_requested.emit(message, step))
        view.versions.show_version(version, versions)
        view.set_room_above(self._room_above(message))
        self._views.append(view)
        self._column.insertWidget(self._column.count() - 1, view)
        view.set_thoughts(message.thoughts)
        view.set_text(message.text)
        self._follows = True
        if message.state == "streaming":
            view.set_growing(True)
        else:
            self._show_end(view, message)

    def set_replying(self, is_replying: bool) -> None:  # noqa: FBT001 - a property's value
        """Keep the shown versions while a reply is being written below them."""
        for view in self._views:
            view.versions.setDisabled(is_replying)

    def append_reasoning(self, thoughts: str) -> None:
        """Append to the reasoning of the last message."""
        self._views[-1].append_thoughts(thoughts)

    def append_text(self, text: str) -> None:
        """Append to the last message."""
        self._views[-1].append(text)

    def show_progress(self, words: str) -> None:
        """Show a line about the reply in progress, which is the last message."""
        if self._views:
            self._views[-1].set_caption(words)

    def finish(self, message: Message) -> None:
        """Show the final state of the last message."""
        view = self._views[-1]
        view.set_growing(False)
        if view.text != message.text:
            view.set_text(message.text)
        view.set_thoughts(message.thoughts)
        self._show_end(view, message)

    def copy_last(self) -> None:
        """Put the text of the last message on the clipboard."""
        if self._views:
            self._views[-1].copy()

    def text_of_last(self) -> str:
        """Return the text of the last message."""
        return self._views[-1].text if self._views else ""

    def _room_above(self, message: Message) -> int:
        """Return the distance to the message above: small within a turn, larger between turns."""
        if not self._views:
            return 0
        return SPACING.huge if message.role == "user" else SPACING.large

    def _show_end(self, view: MessageView, message: Message) -> None:
        if message.role == "user":
            return
        view.set_caption(_figures(message), message.model)
        view.set_can_regenerate(view is self._views[-1])
        if message.code == ErrorCode.CONTEXT_FULL and self.context_can_grow:
            view.offer_larger_context()
        if message.reason == INTERRUPTED:
            view.set_state("stopped", tr("The program ended during this reply."))
        elif message.state == "failed":
            view.set_state("failed", message.reason)
        elif message.state == "stopped" or message.reason:
            view.set_state("stopped", message.reason or tr("Stopped."))

    def _on_range_changed(self, _: int, end: int) -> None:
        # The messages stay where they are when the scroll bar comes or goes.
        self._row.setContentsMargins(0, 0, SPACING.medium if end else RIGHT_MARGIN, 0)
        if self._follows:
            self.verticalScrollBar().setValue(end)
        self._offer_jump()

    def _stay(self) -> None:
        self._follows = False

    def _note_place(self, place: int) -> None:
        # Only the user's scrolling decides whether the view follows.
        self._follows = self.verticalScrollBar().maximum() - place <= _NEAR_END_PIXELS

    def _offer_jump(self) -> None:
        bar = self.verticalScrollBar()
        is_far = bar.maximum() - bar.value() > _NEAR_END_PIXELS
        self.jump_button.setVisible(is_far and not self._follows)


def _figures(message: Message) -> str:
    parts = []
    if message.tokens_per_second:
        speed = format_pace(message.tokens_per_second)
        parts.append(tr("{speed} tokens/s", speed=speed))
    if message.tokens:
        parts.append(tr_count("1 token", "{count} tokens", message.tokens))
    if message.seconds_to_first_token is not None:
        wait = f"{message.seconds_to_first_token:.1f}"
        parts.append(tr("first token after {seconds} s", seconds=wait))
    return " · ".join(parts)
