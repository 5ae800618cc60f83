"""Stories with a window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.gui.shell.application import build_window
from app.gui.shell.window import MainWindow
from tests.support.machine.garbage import pytest_runtest_protocol

__all__ = ["pytest_runtest_protocol"]


@pytest.fixture
def window(qapp: QApplication, qtbot: QtBot, converter: Path) -> Iterator[MainWindow]:
    """The window at the first start, with the converter that setup installed."""
    window = build_window(qapp)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    yield window
    window.close()
