"""The chat says that the starter is a tiny model, and leads to a better one."""

from __future__ import annotations

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.gui.services.engine import EngineIdle, EngineLoading
from app.gui.shell.window import MainWindow
from app.library.reply_defaults import STARTER_FILE_NAME


def test_the_starter_is_said_to_be_tiny(window: MainWindow, qtbot: QtBot) -> None:
    note = window.chat.footer.starter_note
    show = window._workbench.engine.changed.emit
    assert not note.isVisible()
    show(EngineLoading("/models/other.gguf", "other", 0.5))
    assert not note.isVisible()
    show(EngineLoading(f"/models/{STARTER_FILE_NAME}", "starter", 0.5))
    assert note.isVisible()
    with qtbot.waitSignal(window.chat.models_requested, timeout=5000):
        qtbot.mouseClick(note.button, Qt.MouseButton.LeftButton)
    show(EngineIdle())
    assert note.isHidden()
