"""Card of a gated repository: the owner's terms, and the way to get access."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.core.hub_events import GatedState
from app.core.language import tr
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.card import Card
from app.gui.widgets.plain_label import PlainLabel


class AccessCard(Card):
    """Hidden while the repository is open to all.

    Signals:
        page_requested: the user wants the repository's page in the browser.
        sign_in_requested: the user wants to enter an access token.
        retry_requested: the user has accepted the terms or signed in meanwhile.
    """

    page_requested = Signal()
    sign_in_requested = Signal()
    retry_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(tr("Gated model"), parent=parent)
        self.words = PlainLabel("", wrap=True, selectable=True)
        self.page_button = Button(theme, tr("Open its page"))
        self.sign_in_button = Button(theme, tr("Sign in…"))
        self.retry_button = Button(theme, tr("Try again"), icon_name="refresh")
        buttons = QWidget()
        row = QHBoxLayout(buttons)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.small)
        row.addWidget(self.page_button)
        row.addWidget(self.sign_in_button)
        row.addWidget(self.retry_button)
        row.addStretch(1)
        self.add(self.words)
        self.add(buttons)
        self.page_button.clicked.connect(self.page_requested)
        self.sign_in_button.clicked.connect(self.sign_in_requested)
        self.retry_button.clicked.connect(self.retry_requested)
        self.hide()

    def show_state(self, state: GatedState) -> None:
        """Say what this user has to do, if anything."""
        words = {
            "open": "",
            "gated": tr("Its owner asks you to accept terms. You have access."),
            "no_access": tr(
                "Its owner asks you to accept terms. Accept them on its page, then sign in with "
                "your access token."
            ),
        }[state]
        self.words.set_text(words)
        for button in (self.sign_in_button, self.retry_button):
            button.setVisible(state == "no_access")
        self.setVisible(state != "open")
