"""One styled application for all tests here, and a window with room for the list of chats."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from app.gui.shell.window import MainWindow
from tests.gui.conftest import WindowMaker
from tests.gui.widgets.conftest import nothing_left, theme

__all__ = ["nothing_left", "theme"]


@pytest.fixture
def window(make_window: WindowMaker, qtbot: QtBot) -> MainWindow:
    """The window at the first start, whatever the screen is, with room for the list of chats."""
    window = make_window()
    window.resize(1200, 760)
    qtbot.waitUntil(window.chat.chat_list.isVisible)
    return window
