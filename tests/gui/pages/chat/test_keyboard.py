"""The keyboard is where the next words go."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.core import paths
from app.gui.services.engine import EngineLoading
from app.gui.shell.window import MainWindow
from tests.gui.conftest import WindowMaker
from tests.support.engine.tiny_model import write_tiny_model

REPLY_MS = 60_000


@pytest.fixture
def with_model(make_window: WindowMaker, home: Path) -> MainWindow:
    paths.default_models_folder().mkdir(parents=True, exist_ok=True)
    write_tiny_model(paths.default_models_folder() / "tiny.gguf")
    return make_window()


def test_after_choosing_a_model_the_first_words_are_a_message(
    with_model: MainWindow, qtbot: QtBot
) -> None:
    window, box = with_model, with_model.chat.picker.box
    window.activateWindow()
    box.setFocus()
    qtbot.waitUntil(box.hasFocus)
    qtbot.keyClick(box, Qt.Key.Key_Down)
    field = window.chat.composer.focusProxy()
    qtbot.waitUntil(field.hasFocus)
    assert isinstance(window._workbench.engine.state, EngineLoading)
    qtbot.keyClicks(window.focusWidget(), "Hello there")
    assert window.chat.composer.text == "Hello there"
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Return)
    session = window.chat.session
    assert session.messages[0].text == "Hello there"
    qtbot.waitUntil(lambda: not session.is_replying, timeout=REPLY_MS)
    assert session.messages[1].state == "complete", session.messages[1]
