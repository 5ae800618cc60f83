"""The summary of a repository's files."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.core.hub_events import HubFile
from app.gui.pages.hub.files_card import FilesCard
from app.gui.theme.style import apply_theme


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 files, 0 B"), (1, "1 file, 138 MB"), (2, "2 files, 276 MB")]
)
def test_the_files_are_counted(qapp: QApplication, qtbot: QtBot, count: int, words: str) -> None:
    card = FilesCard(apply_theme(qapp, "light"))
    qtbot.addWidget(card)
    card.show_files([HubFile(f"{number}.gguf", 138_000_000) for number in range(count)])
    assert card.summary == words
