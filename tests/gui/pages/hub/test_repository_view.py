"""The page of a repository: its facts, its links, and the models to get from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from pytestqt.qtbot import QtBot

from app.gui.pages.hub.page import HubBrowsingPage
from app.gui.pages.hub.repository_view import RepositoryView
from app.gui.shell.window import MainWindow
from app.gui.widgets.confirm_dialog import ConfirmDialog
from tests.gui.pages.hub.conftest import press
from tests.support.gguf.gguf_files import llama_file
from tests.support.hub.local_hub import LocalHub
from tests.support.hub.served_models import LONGEST

SOON_MS = 30_000


def opened(page: HubBrowsingPage, repository: str, qtbot: QtBot) -> RepositoryView:
    page.open_repository(repository)
    view = page.repository
    qtbot.waitUntil(lambda: view._stack.currentIndex() == 1, timeout=SOON_MS)
    return view


def test_a_page_says_what_the_model_is(page: HubBrowsingPage, qtbot: QtBot) -> None:
    view = opened(page, "acme/grain-1b", qtbot)
    assert view.header.facts.whole_text.startswith("Chat model · 1.0 B parameters")
    assert "1,234,567 downloads · 321 likes" in view.header.facts.whole_text
    assert view.header.license_button.text() == "apache-2.0"
    assert [button.text() for button in view.family.buttons] == [
        "acme/grain-base",
        "Quantizations: 1",
    ]
    assert view.files.summary.startswith("4 files")
    assert view.card.text.startswith("# Grain\n\nA model of [acme](https://acme.example/grain).")
    assert not view.access.isVisible()
    assert view.get_row.button.isVisible()


def test_links_of_the_card_are_opened_only_after_a_question(
    page: HubBrowsingPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", asked.append)
    view = opened(page, "acme/grain-1b", qtbot)
    view.card.link_clicked.emit(QUrl("https://acme.example/grain"))
    assert asked == []
    (dialog,) = page.findChildren(ConfirmDialog)
    dialog.accept()
    assert asked == [QUrl("https://acme.example/grain")]


def test_the_family_is_a_click_away(page: HubBrowsingPage, qtbot: QtBot) -> None:
    view = opened(page, "acme/grain-1b", qtbot)
    view.family.buttons[0].click()
    qtbot.waitUntil(lambda: view._stack.currentIndex() == 1, timeout=SOON_MS)
    assert view.header.title.whole_text == "acme/grain-base"
    press(page, "Alt+Left", qtbot)
    assert view.header.title.whole_text == "acme/grain-1b"
    qtbot.waitUntil(lambda: view._stack.currentIndex() == 1, timeout=SOON_MS)
    view.family.buttons[1].click()
    table = page.search.table
    qtbot.waitUntil(lambda: table.isVisible() and len(table.found) == 1, timeout=SOON_MS)
    assert table.found[0].repository == "acme/grain-1b-GGUF"


def test_a_revision_can_be_picked(
    page: HubBrowsingPage, hub: LocalHub, qtbot: QtBot, tmp_path: Path
) -> None:
    repository = hub.repositories["acme/grain-1b"]
    repository.refs["v1"] = repository.newest.commit
    view = opened(page, "acme/grain-1b", qtbot)
    box = view.header.revision
    assert [box.itemText(row) for row in range(box.count())] == ["main", "v1"]
    box.setCurrentIndex(1)
    box.activated.emit(1)
    qtbot.waitUntil(lambda: view._stack.currentIndex() == 1, timeout=SOON_MS)
    assert box.currentText() == "v1"
    assert any("/revision/v1" in one.path for one in hub.api_requests())


def test_a_gated_model_says_what_to_do(
    window: MainWindow,
    page: HubBrowsingPage,
    hub: LocalHub,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", asked.append)
    view = opened(page, LONGEST, qtbot)
    assert "Accept them on its page" in view.access.words.whole_text
    assert not view.get_row.isVisible()
    view.access.page_button.click()
    assert asked == [QUrl(f"{hub.endpoint}/{LONGEST}")]
    view.access.sign_in_button.click()
    assert window.settings.isVisible()


def test_a_model_that_does_not_chat_says_so(page: HubBrowsingPage, qtbot: QtBot) -> None:
    view = opened(page, "acme/finder", qtbot)
    assert view.get_row.isVisible()
    assert not view.get_row.button.isVisible()
    assert view.get_row.words.whole_text
    assert not view.levels.isVisible()


def test_a_missing_repository_says_so(page: HubBrowsingPage, qtbot: QtBot) -> None:
    page.open_repository("acme/nothing")
    state = page.repository.state
    qtbot.waitUntil(lambda: "does not exist" in state._text.whole_text, timeout=SOON_MS)
    assert state._title.whole_text == "Repository not found"
    assert not state.button.isVisible()
    assert not page.repository.header.page_button.isVisible()


def test_the_best_file_is_chosen_downloaded_and_chatted_with(
    window: MainWindow, page: HubBrowsingPage, qtbot: QtBot
) -> None:
    view = opened(page, "acme/grain-1b-GGUF", qtbot)
    qtbot.waitUntil(lambda: view.gguf.table.rowCount() == 2, timeout=SOON_MS)
    (request,) = view.gguf.requests
    (row,) = (row for row in range(2) if "Recommended" in view.gguf.table.item(row, 4).text())
    file = view.gguf.table.item(row, 0).text()
    assert request.pattern == file
    assert view.gguf.table.item(row, 1).text() in view.get_row.words.whole_text
    view.get_row.button.click()
    assert not view.get_row.button.isVisible()
    qtbot.waitUntil(lambda: view.get_row.button.text() == "Chat", timeout=SOON_MS)
    with qtbot.waitSignal(page.chat_requested) as chat:
        view.get_row.button.click()
    assert chat.args[0].endswith(file)
    assert window.chat.isVisible()


def test_a_file_that_is_there_already_can_be_chatted_with(
    page: HubBrowsingPage, qtbot: QtBot, home: Path
) -> None:
    folder = home / "models" / "acme" / "grain-1b-GGUF"
    for level in ("Q4_K_M", "Q8_0"):
        llama_file(general__name="mine").write(folder / f"grain-1b-{level}.gguf")
    view = opened(page, "acme/grain-1b-GGUF", qtbot)
    qtbot.waitUntil(lambda: view.gguf.table.rowCount() == 2, timeout=SOON_MS)
    view.get_row.button.click()
    qtbot.waitUntil(lambda: view.get_row.button.text() == "Chat", timeout=SOON_MS)
    assert view.get_row.words.whole_text.endswith(".gguf is here already.")
    with qtbot.waitSignal(page.chat_requested) as chat:
        view.get_row.button.click()
    assert Path(chat.args[0]).parent == folder


def test_a_checkpoint_is_made_into_the_ticked_levels(
    window: MainWindow, page: HubBrowsingPage, qtbot: QtBot
) -> None:
    view = opened(page, "acme/grain-1b", qtbot)
    with qtbot.waitSignal(window._workbench.tasks.added) as added:
        view.get_row.button.click()
    assert added.args[0].arguments == ("get", "acme/grain-1b")
    window._workbench.getting.make("acme/grain-1b", ["Q4_K_M"], "v1")
    assert added.args[0] is not window._workbench.getting.task_of("ACME/grain-1b")
    task = window._workbench.getting.task_of("acme/grain-1b")
    assert task.arguments == ("get", "acme/grain-1b", "--revision", "v1", "--level", "Q4_K_M")
