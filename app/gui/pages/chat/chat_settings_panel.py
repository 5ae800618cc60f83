"""Panel beside the conversation with the settings of the open chat."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.core.chat_settings import NOTHING_CHOSEN, ChatSettings
from app.core.language import tr
from app.core.option_fields import option_fields
from app.gui.pages.chat.applied_settings import applied_number, applied_prompt
from app.gui.pages.chat.number_row import NumberRow
from app.gui.services.workbench import Workbench
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.eliding_button import ElidingButton
from app.gui.widgets.icon_button import IconButton
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.scroll_column import ScrollColumn
from app.gui.widgets.text_field import TextField
from app.gui.widgets.wheel_guard import WheelGuard

_FIELDS = option_fields(ChatSettings)
_PROMPT = _FIELDS["system_prompt"]


class ChatSettingsPanel(QFrame):
    """Shows what applies to the open chat and where it comes from, and takes the user's choice.

    Signals:
        changed: the user's new settings of this chat.
        kept: the user wants new chats to start with the settings of this one.
        closed: the user wants the panel closed.
    """

    changed = Signal(object)
    kept = Signal()
    closed = Signal()

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workbench = workbench
        self._chosen = NOTHING_CHOSEN
        self.setProperty("role", "card")
        self.setAccessibleName(tr("Chat settings"))
        self.setFixedWidth(SIZE.side + SPACING.large)
        theme = workbench.theme
        self.prompt = TextField("")
        self._prompt_source = PlainLabel("", "caption", elide=True)
        numbers = [field for field in _FIELDS.values() if field is not _PROMPT]
        self.numbers = {field.name: NumberRow(theme, field) for field in numbers}
        self.keep_button = ElidingButton(theme, tr("Use as default for new chats"))
        self.reset_button = Button(theme, tr("Reset"), "quiet")
        self.close_button = IconButton(theme, "close", tr("Close chat settings"), compact=True)
        self.safe_control = self.close_button
        self._is_kept = PlainLabel(tr("New chats start with these settings."), "caption", wrap=True)
        self._is_kept.hide()
        self._arrange()
        self._connect()

    def show_settings(self, chosen: ChatSettings) -> None:
        """Show the settings of the open chat."""
        if chosen != self._chosen:
            self._is_kept.hide()
        self._chosen = chosen
        self.refresh()

    def refresh(self) -> None:
        """Show what applies with the current model."""
        state, chosen = self._workbench.engine.state, self._chosen
        prompt = applied_prompt(chosen, self._workbench.settings.value, state)
        if self.prompt.toPlainText() != chosen.system_prompt:
            self.prompt.set_text(chosen.system_prompt)
        self.prompt.setPlaceholderText(prompt.text)
        # Qt doesn't paint a new placeholder by itself.
        self.prompt.viewport().update()
        self._prompt_source.set_text(prompt.source)
        for name, row in self.numbers.items():
            applied = applied_number(name, chosen, state)
            otherwise = applied_number(name, NOTHING_CHOSEN, state)
            row.show_number(getattr(chosen, name), otherwise, applied.source)
        self.reset_button.setEnabled(chosen != NOTHING_CHOSEN)

    def _change(self, **fields: object) -> None:
        chosen = msgspec.structs.replace(self._chosen, **fields)
        self.show_settings(chosen)
        self.changed.emit(chosen)

    def _reset(self) -> None:
        self.show_settings(NOTHING_CHOSEN)
        self.changed.emit(NOTHING_CHOSEN)

    def _keep(self) -> None:
        self.kept.emit()
        self._is_kept.show()

    def _connect(self) -> None:
        self.prompt.changed.connect(lambda text: self._change(system_prompt=text))
        for name, row in self.numbers.items():
            row.changed.connect(lambda value, name=name: self._change(**{name: value}))
        self.keep_button.clicked.connect(self._keep)
        self.reset_button.clicked.connect(self._reset)
        self.close_button.clicked.connect(self.closed)
        self._workbench.engine.changed.connect(self.refresh)
        self._workbench.settings.changed.connect(self.refresh)

    def _arrange(self) -> None:
        head = QHBoxLayout()
        head.addWidget(PlainLabel(tr("Chat settings"), "heading"), 1)
        head.addWidget(self.close_button)
        title = PlainLabel(_PROMPT.title)
        title.setBuddy(self.prompt)
        self.prompt.setAccessibleName(_PROMPT.title)
        self.prompt.setAccessibleDescription(_PROMPT.description)
        scroll = ScrollColumn()
        scroll.column.setSpacing(SPACING.medium)
        words = QVBoxLayout()
        words.setSpacing(SPACING.tiny)
        for widget in (title, self.prompt, self._prompt_source):
            words.addWidget(widget)
        scroll.column.addLayout(words)
        for row in self.numbers.values():
            scroll.column.addWidget(row)
        scroll.column.addStretch(1)
        self._guard = WheelGuard(scroll)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[SPACING.medium] * 4)
        column.setSpacing(SPACING.medium)
        column.addLayout(head)
        column.addWidget(scroll, 1)
        column.addWidget(self._is_kept)
        column.addWidget(self.keep_button)
        column.addWidget(self.reset_button)
