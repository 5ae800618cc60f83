"""Card of other engines' servers and their models."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.core.events import EndpointListed
from app.core.language import tr
from app.core.sentences import describe_error
from app.gui.services.endpoint_list import EndpointList
from app.gui.theme.restyle import restyle
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.card import Card
from app.gui.widgets.plain_label import PlainLabel, Tone


class EndpointsCard(Card):
    """Adds and removes servers, whose models the chat's picker then offers."""

    def __init__(
        self, theme: Theme, endpoints: EndpointList, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent=parent)
        self._theme = theme
        self._endpoints = endpoints
        self.setAccessibleName(tr("Other engines"))
        self.address = self.safe_control = QLineEdit()
        self.address.setPlaceholderText("http://localhost:8080")
        self.address.setAccessibleName(tr("Address of the server"))
        self.key = QLineEdit()
        self.key.setEchoMode(QLineEdit.EchoMode.Password)
        self.key.setPlaceholderText(tr("API key (optional)"))
        self.key.setAccessibleName(tr("API key of the server"))
        self.add_button = Button(theme, tr("Add"), icon_name="plus")
        self._state = PlainLabel("", "caption", wrap=True, selectable=True)
        self._rows = QVBoxLayout()
        self._build_layout()
        self._connect()
        self._show()
        self._say("", "plain")
        self._on_typed()

    def _build_layout(self) -> None:
        self._rows.setSpacing(SPACING.small)
        listed = QWidget()
        listed.setLayout(self._rows)
        self._rows.setContentsMargins(0, 0, 0, 0)
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.small)
        row.addWidget(self.address, 2)
        row.addWidget(self.key, 1)
        row.addWidget(self.add_button)
        words = tr(
            "OpenAI-compatible servers, such as vLLM, llama-server, Ollama and LM Studio. Their "
            "models are listed next to yours in the chat. API keys are kept in the system keyring."
        )
        self.add(PlainLabel(tr("Other engines"), "heading"))
        self.add(PlainLabel(words, "caption", wrap=True))
        self.add(listed)
        self.add(line)
        self.add(self._state)

    def _connect(self) -> None:
        self.address.textChanged.connect(self._on_typed)
        for field in (self.address, self.key):
            field.returnPressed.connect(self._add)
        self.add_button.clicked.connect(self._add)
        self._endpoints.changed.connect(self._show)
        self._endpoints.added.connect(self._on_added)
        self._endpoints.failed.connect(self._on_failed)
        self._endpoints.noticed.connect(lambda words: self._say(words, "warning"))

    def _on_typed(self) -> None:
        restyle(self.address, "invalid", False)
        self.add_button.setEnabled(bool(self.address.text().strip()))

    def _add(self) -> None:
        if not self.add_button.isEnabled():
            return
        self.add_button.setEnabled(False)
        self._say(tr("Connecting…"), "plain")
        self._endpoints.add(self.address.text(), self.key.text())

    def _on_failed(self, sentence: str) -> None:
        self._say(sentence, "danger")
        restyle(self.address, "invalid", bool(self.address.text()))

    def _on_added(self, endpoint: EndpointListed) -> None:
        self.address.clear()
        self.key.clear()
        words = tr("{name} was added.", name=endpoint.name)
        self._say(words, "success")

    def _say(self, words: str, tone: Tone) -> None:
        self._state.set_tone(tone)
        self._state.set_text(words)
        self._state.setVisible(bool(words))
        self._on_typed()

    def _show(self) -> None:
        while (item := self._rows.takeAt(0)) is not None:
            if (row := item.widget()) is not None:
                row.hide()
                row.deleteLater()
        for endpoint in self._endpoints.endpoints:
            self._rows.addWidget(self._row_of(endpoint))

    def _row_of(self, endpoint: EndpointListed) -> QWidget:
        widget = QWidget()
        words = QVBoxLayout()
        words.setSpacing(SPACING.tiny // 2)
        words.addWidget(PlainLabel(endpoint.name, elide=True))
        words.addWidget(PlainLabel(_offer_of(endpoint), "caption", wrap=True))
        remove = Button(self._theme, tr("Remove"), "quiet", compact=True)
        remove.setAccessibleName(tr("Remove {name}", name=endpoint.name))
        remove.clicked.connect(lambda: self._endpoints.remove(endpoint.url))
        row = QHBoxLayout(widget)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.medium)
        row.addLayout(words, 1)
        row.addWidget(remove)
        return widget


def _offer_of(endpoint: EndpointListed) -> str:
    if endpoint.problem is not None:
        return describe_error(endpoint.problem, endpoint.details)
    return f"{endpoint.url}  ·  {', '.join(endpoint.models) or tr('no models')}"
