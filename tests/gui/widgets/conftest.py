"""One styled application for all widget tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from app.gui.theme.style import apply_theme
from app.gui.theme.theme import Theme


@pytest.fixture(scope="session")
def theme(qapp: QApplication) -> Theme:
    return apply_theme(qapp, "light")


@pytest.fixture(autouse=True)
def nothing_left(qapp: QApplication) -> Iterator[None]:
    """What a test has thrown away is gone before the next begins."""
    yield
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
