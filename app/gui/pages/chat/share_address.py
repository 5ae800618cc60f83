"""Show the address and key of the shared model, and a command to try it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.core.language import tr
from app.gui.services.engine import (
    Engine,
    EngineConnected,
    EngineFailed,
    EngineIdle,
    EngineLoading,
    EngineReady,
)
from app.gui.services.serve_arguments import sharing_arguments
from app.gui.services.workbench import Workbench
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.copy_button import CopyButton
from app.gui.widgets.form_row import FormRow
from app.gui.widgets.icon_button import IconButton
from app.gui.widgets.plain_label import PlainLabel


class ShareAddress(QFrame):
    """Follows the engine, and offers a reload if it runs with other settings."""

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workbench = workbench
        theme = workbench.theme
        self.setProperty("role", "card")
        self.setAccessibleName(tr("Access"))
        self.address = _read_only()
        self.key = _read_only()
        self.eye = IconButton(theme, "eye", "", compact=True)
        self.state = PlainLabel("", wrap=True)
        self.load_button = Button(theme, "", "primary", icon_name="refresh")
        self.command = CopyButton(
            theme,
            tr("Copy a curl command"),
            self._command,
            words=tr("Copy a curl command"),
        )
        self._ways = self._build_ways()
        column = QVBoxLayout(self)
        column.setContentsMargins(*[SPACING.large] * 4)
        column.setSpacing(SPACING.medium)
        column.addWidget(self.state)
        column.addWidget(self.load_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._ways)
        self.eye.clicked.connect(self._turn_key)
        self.load_button.clicked.connect(self._load_again)
        workbench.engine.changed.connect(self._show)
        workbench.settings.changed.connect(self._show)
        self._show_key(is_shown=False)
        self._show()

    def _build_ways(self) -> QWidget:
        theme = self._workbench.theme
        copy_address = CopyButton(theme, tr("Copy the address"), self.address.text)
        copy_key = CopyButton(theme, tr("Copy the API key"), self.key.text)
        ways = QWidget()
        column = QVBoxLayout(ways)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.medium)
        address = _in_row(self.address, copy_address)
        key = _in_row(self.key, self.eye, copy_key)
        column.addWidget(FormRow(tr("Address"), "", address, stacked=True))
        self.key_row = FormRow(tr("API key"), "", key, stacked=True)
        column.addWidget(self.key_row)
        column.addWidget(self.command, 0, Qt.AlignmentFlag.AlignRight)
        return ways

    def _show(self) -> None:
        engine, settings = self._workbench.engine, self._workbench.settings.value
        is_ready = isinstance(engine.state, EngineReady)
        is_current = engine.sharing == sharing_arguments(settings)
        is_in_use = settings.shares_model and settings.share_port == engine.port_in_use
        self.load_button.set_text(tr("Try again") if is_in_use else tr("Reload to apply"))
        self.load_button.setVisible(is_ready and not is_current)
        self._ways.setVisible(is_current and bool(engine.shared_url))
        self.state.set_text(self._words(engine, is_current=is_current, is_in_use=is_in_use))
        self.key_row.set_note(engine.key_notice)
        if isinstance(engine.state, EngineReady):
            self.address.setText(engine.shared_url)
            self.key.setText(engine.state.server.key)

    def _words(self, engine: Engine, *, is_current: bool, is_in_use: bool) -> str:
        match engine.state:
            case EngineReady(_, name, _) if is_current:
                return _current_words(name, is_shared=bool(engine.sharing))
            case EngineReady(_, name, _) if is_in_use:
                port = str(engine.port_in_use)
                return tr("{name} isn't shared: port {port} is taken.", name=name, port=port)
            case EngineReady(_, name, _):
                return _outdated_words(name, is_shared=bool(engine.sharing))
            case EngineLoading(_, name, _):
                return tr("Loading {name}…", name=name)
            case EngineConnected(_, name, host=host):
                return tr("{name} runs on {host}; share it there.", name=name, host=host)
            case EngineIdle() | EngineFailed():
                return tr("Load a model to share it.")

    def _turn_key(self) -> None:
        self._show_key(is_shown=self.key.echoMode() is QLineEdit.EchoMode.Password)

    def _show_key(self, *, is_shown: bool) -> None:
        mode = QLineEdit.EchoMode
        self.key.setEchoMode(mode.Normal if is_shown else mode.Password)
        if is_shown:
            self.eye.set_action("eye-off", tr("Hide the API key"))
        else:
            self.eye.set_action("eye", tr("Show the API key"))

    def _load_again(self) -> None:
        state = self._workbench.engine.state
        if isinstance(state, EngineReady):
            self._workbench.engine.load(state.path, state.name)

    def _command(self) -> str:
        return _curl_command(self.address.text(), self.key.text())


def _current_words(name: str, *, is_shared: bool) -> str:
    if is_shared:
        return tr("{name} is available to OpenAI-compatible programs:", name=name)
    return tr("Not shared.")


def _outdated_words(name: str, *, is_shared: bool) -> str:
    if is_shared:
        return tr("{name} is still shared with the previous settings.", name=name)
    return tr("{name} isn't shared yet.", name=name)


def _curl_command(address: str, key: str) -> str:
    return (
        f"curl {address}/chat/completions"
        f" -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json'"
        """ -d '{"messages": [{"role": "user", "content": "Hello"}]}'"""
    )


def _read_only() -> QLineEdit:
    field = QLineEdit()
    field.setReadOnly(True)
    return field


def _in_row(field: QLineEdit, *buttons: QWidget) -> QWidget:
    widget = QWidget()
    row = QHBoxLayout(widget)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(SPACING.small)
    row.addWidget(field, 1)
    for button in buttons:
        row.addWidget(button)
    widget.setFocusProxy(field)
    return widget
