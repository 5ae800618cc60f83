"""Card for the Hugging Face access token, which the system keyring keeps."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from app.core import events
from app.core.errors import ErrorCode
from app.core.language import tr
from app.core.sentences import describe_error, describe_notice
from app.gui.children.child import Child
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.card import Card
from app.gui.widgets.plain_label import PlainLabel, Tone
from app.jobs.launch import lend_token
from app.jobs.outcome import ProcessOutcome


class TokenCard(Card):
    """Takes a token and passes it to a child through a pipe.

    Without a keyring, the token is kept in memory until the window closes.
    """

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self._child: Child | None = None
        self._given = ""
        self.setAccessibleName(tr("Hugging Face"))
        self.token = self.safe_control = QLineEdit()
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        self.token.setPlaceholderText("hf_…")
        self.token.setAccessibleName(tr("Access token"))
        self.save_button = Button(theme, tr("Sign in"), icon_name="key")
        self.save_button.setEnabled(False)
        self._state = PlainLabel(
            tr(
                "For gated and private repositories, and to publish, for which it needs the "
                "permission to write. It is kept in the system keyring."
            ),
            "caption",
            wrap=True,
        )
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(SPACING.small)
        line.addWidget(self.token, 1)
        line.addWidget(self.save_button)
        self.add(PlainLabel(tr("Hugging Face access token"), "heading"))
        self.add(row)
        self.add(self._state)
        self.token.textChanged.connect(lambda text: self.save_button.setEnabled(bool(text.strip())))
        self.token.returnPressed.connect(self._save)
        self.save_button.clicked.connect(self._save)

    def _save(self) -> None:
        token = self.token.text().strip()
        if not token or self._child is not None:
            return
        self._show_state("plain", tr("Saving…"))
        self._given = token
        self._child = Child("sign-in", parent=self)
        self._child.received.connect(self._on_received)
        self._child.ended.connect(self._on_ended)
        self._child.start()
        self._child.send(events.Secret(token))

    def _on_received(self, event: events.Event) -> None:
        match event:
            case events.Failed(code=ErrorCode.KEYRING_UNAVAILABLE):
                lend_token(self._given)
                self._show_state(
                    "success",
                    tr("Signed in until you close the window: this system has no keyring."),
                )
                self.token.clear()
            case events.Failed(code, details):
                self._show_state("danger", describe_error(code, details))
            case events.NoticeReported(code, details):
                self._show_state("warning", describe_notice(code, details))

    def _show_state(self, tone: Tone, sentence: str) -> None:
        self._state.set_tone(tone)
        self._state.set_text(sentence)

    def _on_ended(self, outcome: ProcessOutcome) -> None:
        if self._child is not None:
            self._child.deleteLater()
        self._child = None
        if outcome.was_successful:
            self._show_state("success", tr("Signed in. The token is in the system keyring."))
            self.token.clear()
        self._given = ""
