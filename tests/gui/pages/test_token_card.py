"""Signing in to the Hub, with and without a keyring."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.gui.shell.window import MainWindow
from app.jobs import launch

SOON_MS = 30_000


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """The children have no keyring, and lent tokens are forgotten after the test."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    monkeypatch.setattr(launch, "_lent", {})


def sign_in(window: MainWindow, qtbot: QtBot, token: str) -> str:
    """Enter a token, and return the message that follows."""
    window.show_page("settings")
    card = window.settings.access
    qtbot.keyClicks(card.token, token)
    qtbot.keyClick(card.token, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: card._child is None, timeout=SOON_MS)
    return card._state.whole_text


def test_without_a_keyring_the_token_is_kept_until_the_end(
    window: MainWindow, qtbot: QtBot
) -> None:
    said = sign_in(window, qtbot, "hf_secret")
    assert said == "Signed in until you close the window: this system has no keyring."
    assert window.settings.access.token.text() == ""
    assert launch.child_environment("download")[launch.LENT_TOKEN] == "hf_secret"
    assert launch.LENT_TOKEN not in launch.child_environment("serve")


def test_a_token_that_is_none_can_be_corrected(window: MainWindow, qtbot: QtBot) -> None:
    said = sign_in(window, qtbot, "hf secret")
    assert "invalid characters" in said
    assert window.settings.access.token.text() == "hf secret"
    assert launch.LENT_TOKEN not in launch.child_environment("download")
