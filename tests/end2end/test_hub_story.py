"""From a word in the search field to a reply: search, page, download, chat."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.gui.services.engine import EngineReady
from app.gui.shell.window import MainWindow
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.hub.hub_models import chat_facts
from tests.support.hub.local_hub import LocalHub

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("known_machine")]

SOON_MS, LEVELS_MS, GET_MS = 30_000, 120_000, 240_000


@pytest.fixture
def hub(hub: LocalHub, tmp_path: Path) -> LocalHub:
    hub.add_repository(
        "acme/tiny-chat", make_tiny_checkpoint(tmp_path / "tiny"), facts=chat_facts()
    )
    return hub


def test_search_page_get_chat(hub: LocalHub, window: MainWindow, qtbot: QtBot) -> None:
    window.show_page("hub")
    page = window.hub
    qtbot.keyClicks(page.search.field, "tiny")
    qtbot.waitUntil(page.search.table.isVisible, timeout=SOON_MS)
    qtbot.keyClick(page.search.table, Qt.Key.Key_Return)
    view = page.repository
    qtbot.waitUntil(view.get_row.button.isVisible, timeout=SOON_MS)

    qtbot.mouseClick(view.levels.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(view.levels.levels), timeout=LEVELS_MS)
    levels = view.levels.table.ticked()
    assert len(levels) == 1
    assert levels[0].level in view.get_row.words.whole_text

    qtbot.mouseClick(view.get_row.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view.get_row.button.text() == "Chat", timeout=GET_MS)
    task = window._workbench.getting.task_of("acme/tiny-chat")
    assert task is not None
    assert Path(task.paths[0]).stat().st_size == levels[0].size_bytes
    assert "is ready" in page.notice.text

    qtbot.mouseClick(view.get_row.button, Qt.MouseButton.LeftButton)
    assert window.chat.isVisible()
    engine = window._workbench.engine
    qtbot.waitUntil(lambda: isinstance(engine.state, EngineReady), timeout=GET_MS)
