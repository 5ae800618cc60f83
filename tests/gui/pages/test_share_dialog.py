"""The loaded model is shared as the dialog says, and found where it says."""

from __future__ import annotations

import shlex
import socket
from pathlib import Path

import httpx2
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from app.core.settings import Settings
from app.gui.pages.chat.share_dialog import ShareDialog
from app.gui.services.engine import EngineFailed, EngineReady
from app.gui.services.serve_arguments import sharing_arguments
from app.gui.shell.window import MainWindow
from app.gui.widgets.confirm_dialog import ConfirmDialog
from tests.support.engine.tiny_model import write_tiny_model

LOAD_MS = 60_000


@pytest.fixture
def dialog(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> ShareDialog:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    qtbot.mouseClick(window.chat.header.share_button, Qt.MouseButton.LeftButton)
    (dialog,) = window.chat.findChildren(ShareDialog)
    return dialog


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def wait_until_ready(window: MainWindow, qtbot: QtBot) -> EngineReady:
    engine = window._workbench.engine
    qtbot.waitUntil(lambda: isinstance(engine.state, EngineReady | EngineFailed), timeout=LOAD_MS)
    assert isinstance(engine.state, EngineReady), engine.state
    return engine.state


def test_nothing_is_shared_by_default() -> None:
    assert sharing_arguments(Settings()) == []
    assert sharing_arguments(Settings(shares_in_network=True)) == []
    shared = sharing_arguments(Settings(shares_model=True))
    assert "--host" not in shared


def test_a_model_is_shared_and_answers_there(
    window: MainWindow, dialog: ShareDialog, qtbot: QtBot, port: int, tmp_path: Path
) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf")
    window._workbench.engine.load(str(model), "tiny")
    private = wait_until_ready(window, qtbot)
    address = dialog.address
    assert address.state.text() == "Not shared."
    dialog.is_shared.click()
    dialog.port.setValue(port)
    dialog.origins.setText("http://localhost:3000")
    dialog.origins.editingFinished.emit()
    assert not address.load_button.isHidden()
    assert address._ways.isHidden()
    qtbot.mouseClick(address.load_button, Qt.MouseButton.LeftButton)
    wait_until_ready(window, qtbot)
    assert address.load_button.isHidden()
    assert not address._ways.isHidden()
    assert address.address.text() == f"http://127.0.0.1:{port}/v1"
    assert address.key.text() != private.server.key
    assert "No system keyring" in address.key_row.note
    assert not any("keyring" in notice for notice in window._workbench.engine.notices)
    headers = {
        "Authorization": f"Bearer {address.key.text()}",
        "Origin": "http://localhost:3000",
    }
    url = f"{address.address.text()}/models"
    answer = httpx2.get(url, headers=headers, timeout=20, trust_env=False)
    assert answer.json()["data"][0]["id"] == "tiny"
    qtbot.mouseClick(address.command, Qt.MouseButton.LeftButton)
    command = QGuiApplication.clipboard().text()
    assert command == address._command()
    program, url, *options = shlex.split(command)
    given = dict(option.split(": ") for option in options[1:-2:2])
    tried = httpx2.post(url, headers=given, content=options[-1], timeout=60, trust_env=False)
    assert program == "curl"
    assert tried.json()["choices"]


def test_the_network_is_let_in_only_when_that_is_typed(
    window: MainWindow, dialog: ShareDialog, qtbot: QtBot
) -> None:
    dialog.is_shared.click()
    dialog.in_network.click()
    (question,) = dialog.findChildren(ConfirmDialog)
    assert not dialog.in_network.isChecked()
    assert not question.confirm.isEnabled()
    qtbot.keyClicks(question.line, "network")
    assert question.confirm.isEnabled()
    qtbot.mouseClick(question.confirm, Qt.MouseButton.LeftButton)
    assert dialog.in_network.isChecked()
    assert window._workbench.settings.value.shares_in_network
    dialog.in_network.click()
    assert not window._workbench.settings.value.shares_in_network


def test_whoever_thinks_better_of_it_lets_nobody_in(
    window: MainWindow, dialog: ShareDialog, qtbot: QtBot
) -> None:
    dialog.is_shared.click()
    dialog.in_network.click()
    (question,) = dialog.findChildren(ConfirmDialog)
    question.reject()
    assert not dialog.in_network.isChecked()
    assert not window._workbench.settings.value.shares_in_network


@pytest.mark.parametrize("typed", ["*", "null", "localhost:3000", "http://a.b/", "http://A.b"])
def test_what_is_no_origin_is_said_and_not_kept(
    window: MainWindow, dialog: ShareDialog, typed: str
) -> None:
    dialog.origins.setText(typed)
    dialog.origins.editingFinished.emit()
    assert typed in dialog._failure.text()
    assert window._workbench.settings.value.share_origins == ()


def test_one_model_after_the_other_takes_the_same_port(
    window: MainWindow, dialog: ShareDialog, qtbot: QtBot, port: int, tmp_path: Path
) -> None:
    dialog.is_shared.click()
    dialog.port.setValue(port)
    engine = window._workbench.engine
    for name in ("first", "second", "third"):
        engine.load(str(write_tiny_model(tmp_path / f"{name}.gguf")), name)
        if name == "second":
            continue
        assert wait_until_ready(window, qtbot).name == name


def test_a_port_in_use_keeps_no_model_from_chatting(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, port: int
) -> None:
    chat, engine = window.chat, window._workbench.engine
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = int(other.getsockname()[1])
        window._workbench.settings.change(shares_model=True, share_port=taken)
        engine.load(str(write_tiny_model(tmp_path / "tiny.gguf")), "tiny")
        ready = wait_until_ready(window, qtbot)
        assert not ready.server.url.endswith(f":{taken}")
        assert answers(ready.server.url, ready.server.key)
        assert chat.share_notice.isVisible()
        expected = f"The model isn't shared: another program uses port {taken}."
        assert chat.share_notice.text == expected
        assert str(taken) in chat.header.share_button.accessibleDescription()
        (change,) = chat.share_notice.findChildren(QPushButton)
        qtbot.mouseClick(change, Qt.MouseButton.LeftButton)
        (dialog,) = chat.findChildren(ShareDialog)
        assert dialog.port_row.note
        assert dialog.focusWidget() is dialog.port
        dialog.port.setValue(port)
        assert not dialog.port_row.note
        qtbot.mouseClick(dialog.address.load_button, Qt.MouseButton.LeftButton)
        wait_until_ready(window, qtbot)
    assert engine.shared_url == f"http://127.0.0.1:{port}/v1"
    assert engine.shared_url in chat.header.share_button.accessibleDescription()
    assert chat.share_notice.isHidden()


def test_the_key_is_shown_on_request(dialog: ShareDialog) -> None:
    address = dialog.address
    assert address.key.echoMode() is QLineEdit.EchoMode.Password
    address.eye.click()
    assert address.key.echoMode() is QLineEdit.EchoMode.Normal
    assert address.eye.accessibleName() == "Hide the API key"
    address.eye.click()
    assert address.key.echoMode() is QLineEdit.EchoMode.Password


def answers(url: str, key: str) -> bool:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx2.get(f"{url}/v1/models", headers=headers, timeout=20, trust_env=False).is_success
