"""A repository that can't be downloaded is said at the field, which keeps its text."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from pytestqt.qtbot import QtBot

from app.gui.pages.models.repository_card import RepositoryCard
from app.gui.shell.window import MainWindow
from app.library.unfinished_downloads import DownloadRequest
from tests.gui.pages.models.conftest import SIZE
from tests.support.hub.local_hub import LocalHub

SOON_MS = 30_000


def ask(window: MainWindow, text: str, qtbot: QtBot) -> RepositoryCard:
    window.show_page("models")
    card = window.models.getting
    card.repository.clear()
    qtbot.keyClicks(card.repository, text)
    qtbot.keyClick(card.repository, Qt.Key.Key_Return)
    return card


def offered(card: RepositoryCard) -> list[str]:
    return [button.text() for button in card.remedies.values() if button.isVisible()]


def test_what_is_no_name_is_said_at_once(window: MainWindow, qtbot: QtBot) -> None:
    card = ask(window, "not a repo!!", qtbot)
    assert card.fault.text().startswith("“not a repo!!” is not the name")
    assert card.repository.text() == "not a repo!!"
    assert card.repository.property("invalid")
    assert offered(card) == []
    assert not window._workbench.tasks.open_tasks
    qtbot.keyClick(card.repository, Qt.Key.Key_Backspace)
    assert not card.fault.isVisible()
    assert not card.repository.property("invalid")


def test_a_missing_repository_is_said_at_the_field(
    window: MainWindow, hub: LocalHub, qtbot: QtBot
) -> None:
    card = ask(window, "nobody/nothing", qtbot)
    qtbot.waitUntil(card.fault.isVisible, timeout=SOON_MS)
    assert "nobody/nothing does not exist" in card.fault.text()
    assert card.repository.text() == "nobody/nothing"
    assert offered(card) == ["Sign in…"]
    assert not window.models.downloads.rows
    card.remedies["sign-in"].click()
    assert window.settings.isVisible()
    assert window.settings.access.token.hasFocus()


def test_a_gated_repository_offers_its_page(
    window: MainWindow,
    hub: LocalHub,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    hub.add_repository("acme/gated", tmp_path / "served", gated=True)
    card = ask(window, "acme/gated", qtbot)
    qtbot.waitUntil(card.fault.isVisible, timeout=SOON_MS)
    assert offered(card) == ["Open its page", "Sign in…"]
    card.remedies["page"].click()
    assert opened == [QUrl(f"{hub.endpoint}/acme/gated")]


def test_an_unreachable_hub_can_be_tried_again(
    window: MainWindow, hub: LocalHub, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
        card = ask(window, "acme/grain", qtbot)
        qtbot.waitUntil(card.fault.isVisible, timeout=SOON_MS)
    assert offered(card) == ["Try again"]
    card.remedies["retry"].click()
    qtbot.waitUntil(lambda: "is downloaded" in window.models.notice.text, timeout=SOON_MS)
    # It disappears by itself: the model is in the list below.
    assert window.models.notice._life.isActive()
    assert not card.repository.text()
    assert not card.fault.isVisible()


def test_an_address_gives_the_download_a_readable_name(
    window: MainWindow, hub: LocalHub, qtbot: QtBot
) -> None:
    hub.faults.hold_after_bytes = SIZE // 2
    ask(window, f"{hub.endpoint}/acme/grain/tree/main", qtbot)
    tasks = window._workbench.tasks
    qtbot.waitUntil(lambda: bool(tasks.open_tasks), timeout=SOON_MS)
    assert [task.title for task in tasks.open_tasks] == ["acme/grain"]


def test_a_gated_download_offers_its_page_and_leaves_no_row(
    window: MainWindow, hub: LocalHub, qtbot: QtBot, tmp_path: Path
) -> None:
    hub.add_repository("acme/gated", tmp_path / "served", gated=True)
    window.show_page("models")
    card = window.models.getting
    card.choice.chosen.emit([DownloadRequest("acme/gated")])
    assert window.models.downloads.rows
    qtbot.waitUntil(card.fault.isVisible, timeout=SOON_MS)
    assert offered(card) == ["Open its page", "Sign in…"]
    assert not window.models.downloads.rows


def test_a_download_that_fails_for_now_can_be_resumed_in_its_row(
    window: MainWindow, hub: LocalHub, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.show_page("models")
    with monkeypatch.context() as patched:
        patched.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
        window.models.getting.choice.chosen.emit([DownloadRequest("acme/grain")])
        (row,) = window.models.downloads.rows.values()
        qtbot.waitUntil(lambda: row.download.state == "failed", timeout=SOON_MS)
    assert "can't be reached" in row.words
    assert not window.models.getting.fault.isVisible()
    row.go_button.click()
    qtbot.waitUntil(lambda: "is downloaded" in window.models.notice.text, timeout=SOON_MS)
    assert not window.models.downloads.rows
