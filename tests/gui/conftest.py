"""The window with everything behind it, in a data folder of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.core import paths
from app.gui.shell.application import build_window
from app.gui.shell.window import MainWindow
from tests.support.machine.garbage import pytest_runtest_protocol

__all__ = ["WindowMaker", "make_window", "pytest_runtest_protocol", "window"]

WindowMaker = Callable[[], MainWindow]


@pytest.fixture
def make_window(qapp: QApplication, qtbot: QtBot, home: Path) -> Iterator[WindowMaker]:
    """Makes the window as the program does; closed at the end."""
    made: list[MainWindow] = []
    # The engine counts as tested: no child for that in tests of the pages.
    home.mkdir(parents=True, exist_ok=True)
    if not paths.engine_file().exists():
        paths.engine_file().write_text("{}")

    def make() -> MainWindow:
        window = build_window(qapp)
        qtbot.addWidget(window)
        window.show()
        qtbot.waitExposed(window)
        qtbot.waitUntil(lambda: window._workbench.models.is_known, timeout=20_000)
        made.append(window)
        return window

    yield make
    for window in made:
        window.close()
        window._workbench.chats.close()


@pytest.fixture
def window(make_window: WindowMaker) -> MainWindow:
    """The window at the first start."""
    return make_window()
