"""A Hub on loopback with models to search for, and the page that asks it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.gui.pages.hub.page import HubBrowsingPage
from app.gui.shell.window import MainWindow
from tests.support.hub.local_hub import LocalHub
from tests.support.hub.served_models import serve_models


@pytest.fixture
def hub(hub: LocalHub, tmp_path: Path) -> LocalHub:
    serve_models(hub, tmp_path / "served")
    return hub


@pytest.fixture
def page(window: MainWindow, hub: LocalHub) -> HubBrowsingPage:
    """The open Hub page; the search for trending models has begun."""
    window.show_page("hub")
    return window.hub


def press(page: HubBrowsingPage, keys: str, qtbot: QtBot) -> None:
    """Press keys in the page as a user does, in the window in front."""
    window = page.window()
    with qtbot.waitActive(window):
        window.activateWindow()
    qtbot.keySequence(window.focusWidget() or page, keys)
