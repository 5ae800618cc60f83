"""Publishing from the window: the dialog, the upload as a task, the link; without a token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, QSize, Qt, QUrl
from PySide6.QtGui import QAction, QDesktopServices
from PySide6.QtWidgets import QApplication, QMenu, QPushButton
from pytestqt.qtbot import QtBot

from app.core.sizes import format_bytes
from app.gui.pages.models.publish_dialog import PublishDialog
from app.gui.shell.window import MainWindow
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.plain_label import PlainLabel
from tests.gui.conftest import WindowMaker
from tests.support.gguf.gguf_files import llama_file
from tests.support.hub.local_hub import LocalHub
from tests.support.hub.local_hub_uploads import HubUser

TOKEN = "hf_" + "planted" * 5
WAIT_MS = 30_000
LOW_SCREEN = QSize(640, 500)


@pytest.fixture
def hub(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> LocalHub:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.add_user(TOKEN, HubUser("bolt", ("mill",)))
    return hub


@pytest.fixture
def model(home: Path) -> Path:
    return llama_file().write(home / "models" / "Grain-Q4_K_M.gguf")


@pytest.fixture
def ask(make_window: WindowMaker, model: Path) -> Callable[[], tuple[MainWindow, PublishDialog]]:
    """Opens the dialog through the menu of the model's row."""

    def open_dialog() -> tuple[MainWindow, PublishDialog]:
        window = make_window()
        window.show_page("models")
        table = window.models.table
        table.selectRow(0)
        table.customContextMenuRequested.emit(table.visualItemRect(table.item(0, 0)).center())
        menu = window.models.library.findChildren(QMenu)[-1]
        action(menu, "Publish…").trigger()
        menu.close()
        return window, dialog()

    return open_dialog


def action(menu: QMenu, words: str) -> QAction:
    return next(one for one in menu.actions() if one.text() == words)


def dialog() -> PublishDialog:
    found = [one for one in QApplication.topLevelWidgets() if isinstance(one, PublishDialog)]
    return next(one for one in found if one.isVisible())


def notice_with(window: MainWindow, words: str, qtbot: QtBot) -> NoticeBar:
    """Wait for a notice that says `words`, and is visible."""

    def found() -> list[NoticeBar]:
        notices = window.findChildren(NoticeBar)
        return [one for one in notices if one.isVisible() and words in one.text]

    qtbot.waitUntil(lambda: bool(found()), timeout=WAIT_MS)
    return found()[0]


def press(notice: NoticeBar, words: str, qtbot: QtBot) -> None:
    button = next(one for one in notice.findChildren(QPushButton) if one.text() == words)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def files_in(asked: PublishDialog) -> list[list[str]]:
    table = asked.files
    return [
        [table.item(row, column).text() for column in range(3)] for row in range(table.rowCount())
    ]


def test_a_model_is_published_and_its_page_opens(
    hub: LocalHub,
    model: Path,
    ask: Callable[[], tuple[MainWindow, PublishDialog]],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    window, asked = ask()
    assert not asked.publish.isEnabled()
    qtbot.waitUntil(asked.publish.isEnabled, timeout=WAIT_MS)
    assert asked.repository.text() == "bolt/Grain-GGUF"
    assert asked.private.isChecked()
    listed, card = files_in(asked)
    assert listed == ["Grain-Q4_K_M.gguf", "55 kB", "new"]
    assert card[::2] == ["README.md", "model card"]
    assert asked.state.whole_text.startswith("1 file and the model card will be uploaded: ")
    assert not asked.sign_in.isVisible()

    asked.repository.selectAll()
    qtbot.keyClicks(asked.repository, "mill/Grain")
    qtbot.keyClicks(asked.base_model, "bolt/Grain")
    assert not asked.publish.isEnabled()
    qtbot.waitUntil(asked.publish.isEnabled, timeout=WAIT_MS)
    size = format_bytes(model.stat().st_size + len(asked.card.toPlainText().encode()))
    assert asked.state.whole_text == f"1 file and the model card will be uploaded: {size}."
    asked.choice.changed.emit("card")
    assert 'base_model: "bolt/Grain"\n' in asked.card.toPlainText()
    assert list(hub.repositories) == ["acme/grain"]

    qtbot.mouseClick(asked.publish, Qt.MouseButton.LeftButton)
    notice = notice_with(window, "is published", qtbot)
    assert hub.repositories["mill/Grain"].private
    sent = hub.repositories["mill/Grain"].newest.files["Grain-Q4_K_M.gguf"]
    assert sent.local.read_bytes() == model.read_bytes()

    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    press(notice, "Open its page", qtbot)
    assert opened == [QUrl(f"{hub.endpoint}/mill/Grain")]


def test_a_public_repository_needs_the_box_unticked(
    hub: LocalHub,
    ask: Callable[[], tuple[MainWindow, PublishDialog]],
    qtbot: QtBot,
    tmp_path: Path,
) -> None:
    (tmp_path / "public").mkdir()
    hub.add_repository("bolt/Grain-GGUF", tmp_path / "public")
    _, asked = ask()
    qtbot.waitUntil(lambda: "exists and is public" in asked.state.whole_text, timeout=WAIT_MS)
    assert not asked.publish.isEnabled()
    asked.private.click()
    qtbot.waitUntil(asked.publish.isEnabled, timeout=WAIT_MS)
    assert asked.repository.text() == "bolt/Grain-GGUF"
    asked.reject()


def test_without_a_token_a_button_leads_to_the_settings(
    hub: LocalHub,
    ask: Callable[[], tuple[MainWindow, PublishDialog]],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    window, asked = ask()
    qtbot.waitUntil(asked.sign_in.isVisible, timeout=WAIT_MS)
    assert asked.state.whole_text.startswith("To publish, you need an access token")
    assert not asked.publish.isEnabled()
    qtbot.mouseClick(asked.sign_in, Qt.MouseButton.LeftButton)
    assert window._stack.currentWidget() is window.settings
    words = [label.whole_text for label in window.settings.access.findChildren(PlainLabel)]
    assert any("to publish, for which it needs the permission to write" in one for one in words)
    assert hub.requests == []


def test_a_closed_dialog_asks_no_more(
    hub: LocalHub, ask: Callable[[], tuple[MainWindow, PublishDialog]], qtbot: QtBot
) -> None:
    hub.faults.silent_api = True
    window, asked = ask()
    qtbot.waitUntil(lambda: bool(hub.requests), timeout=WAIT_MS)
    asked.reject()
    assert not window.models.library.publisher.planner.is_busy


def test_the_page_of_a_model_offers_it_too(
    hub: LocalHub, model: Path, make_window: WindowMaker, qtbot: QtBot
) -> None:
    window = make_window()
    window.inspect(str(model), "Grain")
    qtbot.waitUntil(window.inspector.publish_button.isEnabled, timeout=WAIT_MS)
    qtbot.mouseClick(window.inspector.publish_button, Qt.MouseButton.LeftButton)
    asked = dialog()
    qtbot.waitUntil(asked.publish.isEnabled, timeout=WAIT_MS)
    qtbot.mouseClick(asked.publish, Qt.MouseButton.LeftButton)
    window.show_page("chat")
    published = notice_with(window, "is published", qtbot)
    window.notice.show_notice("info", "Something else")
    assert published.isVisible()
    assert published.text == f"The model is published at {hub.endpoint}/bolt/Grain-GGUF."


def test_a_failed_upload_says_why(
    hub: LocalHub, ask: Callable[[], tuple[MainWindow, PublishDialog]], qtbot: QtBot
) -> None:
    window, asked = ask()
    qtbot.waitUntil(asked.publish.isEnabled, timeout=WAIT_MS)
    hub.add_user(TOKEN, HubUser("bolt", role="fineGrained", may_write_to=()))
    qtbot.mouseClick(asked.publish, Qt.MouseButton.LeftButton)
    window.show_page("settings")
    notice_with(window, ": The Hub refuses to publish", qtbot)


def test_who_cancels_learns_what_is_on_the_hub(
    hub: LocalHub, ask: Callable[[], tuple[MainWindow, PublishDialog]], qtbot: QtBot
) -> None:
    hub.faults.hold_uploads_after_bytes = 20_000
    window, asked = ask()
    qtbot.waitUntil(asked.publish.isEnabled, timeout=WAIT_MS)
    qtbot.mouseClick(asked.publish, Qt.MouseButton.LeftButton)
    (task,) = window._workbench.tasks.open_tasks
    qtbot.waitUntil(lambda: task.published is not None, timeout=WAIT_MS)
    window.show_page("chat")
    assert window._quit_handler.work() == [task.title]
    assert task.title.startswith("Publish ")
    task.cancel()
    notice = notice_with(window, "Stopped.", qtbot)
    words = "Stopped. bolt/Grain-GGUF is on the Hub with 0 of 2 files. Publish again to go on."
    assert notice.text == words
    assert "Open its page" in [button.text() for button in notice.findChildren(QPushButton)]


def test_a_failure_halfway_says_what_is_on_the_hub(
    hub: LocalHub, ask: Callable[[], tuple[MainWindow, PublishDialog]], qtbot: QtBot
) -> None:
    hub.uploads.largest_bytes = 10_000
    window, asked = ask()
    qtbot.waitUntil(asked.publish.isEnabled, timeout=WAIT_MS)
    qtbot.mouseClick(asked.publish, Qt.MouseButton.LeftButton)
    notice = notice_with(window, "File too large", qtbot)
    assert "is on the Hub with 0 of 2 files. Publish again to go on." in notice.text
    assert "Open its page" in [button.text() for button in notice.findChildren(QPushButton)]


def test_the_dialog_fits_a_low_screen(
    hub: LocalHub, ask: Callable[[], tuple[MainWindow, PublishDialog]], qtbot: QtBot
) -> None:
    _, asked = ask()
    qtbot.waitUntil(asked.publish.isEnabled, timeout=WAIT_MS)
    asked.resize(LOW_SCREEN)
    qtbot.waitUntil(lambda: asked.size() == LOW_SCREEN)

    def fits() -> None:
        for part in (asked.state, asked.publish):
            place = QRect(part.mapTo(asked, QPoint(0, 0)), part.size())
            assert asked.rect().contains(place)

    qtbot.waitUntil(fits)
    asked.reject()


def test_the_name_of_someone_else_is_refused_in_the_dialog(
    hub: LocalHub, ask: Callable[[], tuple[MainWindow, PublishDialog]], qtbot: QtBot
) -> None:
    _, asked = ask()
    qtbot.waitUntil(asked.publish.isEnabled, timeout=WAIT_MS)
    asked.repository.selectAll()
    qtbot.keyClicks(asked.repository, "other/Grain")
    qtbot.waitUntil(
        lambda: "refuses to publish to other" in asked.state.whole_text, timeout=WAIT_MS
    )
    assert "Publish as one of bolt, mill" in asked.state.whole_text
    assert not asked.publish.isEnabled()
    asked.reject()


def test_after_the_dialog_the_focus_is_where_the_token_goes(
    hub: LocalHub,
    model: Path,
    make_window: WindowMaker,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    window = make_window()
    window.inspect(str(model), "Grain")
    button = window.inspector.publish_button
    qtbot.waitUntil(button.isEnabled, timeout=WAIT_MS)
    button.setFocus()
    qtbot.keyClick(button, Qt.Key.Key_Space)
    asked = dialog()
    asked.activateWindow()
    qtbot.waitUntil(asked.sign_in.isVisible, timeout=WAIT_MS)
    qtbot.waitUntil(asked.isActiveWindow)
    qtbot.keyClick(asked.sign_in, Qt.Key.Key_Space)
    window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.focusWidget() is window.settings.access.token)


def test_the_license_of_the_file_can_be_replaced(
    hub: LocalHub,
    model: Path,
    ask: Callable[[], tuple[MainWindow, PublishDialog]],
    qtbot: QtBot,
) -> None:
    own = {"general__license": "other", "general__license__name": "grain-1"}
    llama_file(**own).write(model)
    _, asked = ask()
    qtbot.waitUntil(asked.publish.isEnabled, timeout=WAIT_MS)
    assert asked.license.text() == "other"
    assert not [one for one in asked.arguments() if one.startswith("--license")]
    assert 'license_name: "grain-1"\n' in asked.card.toPlainText()

    asked.license.selectAll()
    qtbot.keyClicks(asked.license, "mit")
    qtbot.waitUntil(asked.publish.isEnabled, timeout=WAIT_MS)
    assert 'license: "mit"\n' in asked.card.toPlainText()
    assert "license_name" not in asked.card.toPlainText()
    asked.reject()
