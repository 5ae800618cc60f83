"""The chat template of a model, with its faults and its result for a conversation."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.inspection_events import TemplateTried
from app.core.language import tr
from app.gui.pages.models.inspector.template_panes import TemplatePanes
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.copy_button import CopyButton
from app.gui.widgets.plain_label import PlainLabel


class TemplateView(QWidget):
    """Shows the template and offers to change it.

    Signals:
        edit_wanted: the user wants to change it.
    """

    edit_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self.panes = TemplatePanes(is_editable=False)
        self._absent = PlainLabel(
            tr("The file has no chat template. Chats use a generic one (ChatML)."),
            "muted",
            wrap=True,
        )
        self.edit_button = self.safe_control = Button(theme, "", icon_name="pencil")
        self.edit_button.clicked.connect(self.edit_wanted)
        self._copy = CopyButton(
            theme, tr("Copy the chat template"), lambda: self._text, compact=False
        )
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACING.small)
        buttons.addWidget(self.edit_button)
        buttons.addStretch(1)
        buttons.addWidget(self._copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.medium)
        column.addWidget(self._absent)
        column.addWidget(self.panes, 1)
        column.addLayout(buttons)
        self.show_template("")

    def show_template(self, text: str) -> None:
        """Show a template, or that there is none."""
        self._text = text
        self.panes.show_template(text)
        self.panes.setVisible(bool(text))
        self._absent.setVisible(not text)
        self._copy.setEnabled(bool(text))
        self.edit_button.set_text(tr("Edit…") if text else tr("Add a template…"))

    def show_trial(self, text: str, tried: TemplateTried) -> None:
        """Show the result for a conversation, if the template is still this one."""
        if text == self._text:
            self.panes.show_trial(tried)
