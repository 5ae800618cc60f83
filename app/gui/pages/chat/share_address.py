"""Show the address and key of the shared model, and a command to try it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.core import events
from app.core.language import tr
from app.gui.services.engine import (
    EngineConnected,
    EngineFailed,
    EngineIdle,
    EngineLoading,
    EngineReady,
    EngineState,
)
from app.gui.services.serve_arguments import sharing_arguments
from app.gui.services.workbench import Workbench
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.copy_button import CopyButton
from app.gui.widgets.form_row import FormRow
from app.gui.widgets.plain_label import PlainLabel


class ShareAddress(QFrame):
    """Follows the engine, and offers a reload if it runs with other settings."""

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workbench = workbench
        theme = workbench.theme
        self.setProperty("role", "card")
        self.address = _read_only()
        self.key = _read_only()
        self.key.setEchoMode(QLineEdit.EchoMode.Password)
        self.state = PlainLabel("", wrap=True)
        self.load_button = Button(theme, tr("Load the model again"), "primary", icon_name="refresh")
        self._ways = QWidget()
        ways = QVBoxLayout(self._ways)
        ways.setContentsMargins(0, 0, 0, 0)
        ways.setSpacing(SPACING.medium)
        for title, field in ((tr("Address"), self.address), (tr("Key"), self.key)):
            copy = CopyButton(theme, tr("Copy {what}", what=title), field.text)
            ways.addWidget(FormRow(title, "", _beside(field, copy), stacked=True))
        self.command = CopyButton(
            theme,
            tr("Copy a command that tries it"),
            self._command,
            words=tr("Copy a command that tries it"),
        )
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.command)
        ways.addLayout(row)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[SPACING.large] * 4)
        column.setSpacing(SPACING.medium)
        column.addWidget(self.state)
        column.addWidget(self.load_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._ways)
        self.load_button.clicked.connect(self._load_again)
        workbench.engine.changed.connect(self._show)
        workbench.settings.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        engine = self._workbench.engine
        wanted = sharing_arguments(self._workbench.settings.value)
        is_current = engine.sharing == wanted
        ready = engine.state.server if isinstance(engine.state, EngineReady) else None
        self.load_button.setVisible(ready is not None and not is_current)
        self._ways.setVisible(ready is not None and is_current and bool(wanted))
        self.state.set_text(
            self._words(engine.state, is_wanted=bool(wanted), is_current=is_current)
        )
        if ready is not None:
            self.address.setText(_base_url(ready))
            self.key.setText(ready.key)

    def _words(self, state: EngineState, *, is_wanted: bool, is_current: bool) -> str:
        match state:
            case EngineReady() if not is_current:
                return tr("The loaded model still runs with the settings of before.")
            case EngineReady(_, name, _) if is_wanted:
                return tr("{name} is shared, for every OpenAI-compatible program:", name=name)
            case EngineReady():
                return tr("The loaded model is for this window alone.")
            case EngineLoading():
                return tr("The model is being loaded.")
            case EngineConnected(host=host):
                return tr("The model is not on this machine: share it from {host}.", host=host)
            case EngineIdle() | EngineFailed():
                return tr("Load a model, and its address stands here.")

    def _load_again(self) -> None:
        state = self._workbench.engine.state
        if isinstance(state, EngineReady):
            self._workbench.engine.load(state.path, state.name)

    def _command(self) -> str:
        return _curl_command(self.address.text(), self.key.text())


def _curl_command(address: str, key: str) -> str:
    return (
        f"curl {address}/chat/completions"
        f" -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json'"
        """ -d '{"messages": [{"role": "user", "content": "Hello"}]}'"""
    )


def _base_url(ready: events.Ready) -> str:
    return f"{ready.network_url or ready.url}/v1"


def _read_only() -> QLineEdit:
    field = QLineEdit()
    field.setReadOnly(True)
    return field


def _beside(field: QLineEdit, button: QWidget) -> QWidget:
    widget = QWidget()
    row = QHBoxLayout(widget)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(SPACING.small)
    row.addWidget(field, 1)
    row.addWidget(button)
    widget.setFocusProxy(field)
    return widget
