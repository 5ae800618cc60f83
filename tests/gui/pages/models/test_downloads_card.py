"""Downloads as rows that can be paused, resumed and discarded, also after a new start."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.gui.pages.models.download_row import DownloadRow
from app.gui.shell.window import MainWindow
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.library.folder_lock import exclusive_folder
from app.library.unfinished_downloads import DownloadRequest, unfinished_below
from tests.gui.conftest import WindowMaker
from tests.gui.pages.models.conftest import SIZE
from tests.support.hub.local_hub import LocalHub

KEY = DownloadRequest("acme/grain").key
SOON_MS = 20_000


def state_of(window: MainWindow) -> str:
    rows = window.models.downloads.rows
    return rows[KEY].download.state if KEY in rows else ""


def begin(window: MainWindow, hub: LocalHub, qtbot: QtBot) -> DownloadRow:
    """Start a download that stalls in the middle."""
    hub.faults.bytes_per_second = SIZE // 4
    hub.faults.hold_after_bytes = SIZE * 3 // 4
    window.show_page("models")
    page = window.models
    qtbot.keyClicks(page.repository, "acme/grain")
    qtbot.keyClick(page.repository, Qt.Key.Key_Return)
    row = wait_for_row(window, qtbot)
    qtbot.waitUntil(lambda: row.download.done_bytes > SIZE // 5, timeout=SOON_MS)
    return row


def let_go(hub: LocalHub) -> None:
    hub.faults.bytes_per_second = 0
    hub.release()


def wait_for_row(window: MainWindow, qtbot: QtBot) -> DownloadRow:
    qtbot.waitUntil(lambda: KEY in window.models.downloads.rows, timeout=SOON_MS)
    return window.models.downloads.rows[KEY]


def wait_for(window: MainWindow, state: str, qtbot: QtBot) -> None:
    """Wait for a state that the disk confirms."""
    models = window._workbench.models
    qtbot.waitUntil(lambda: state_of(window) == state and models._child is None, timeout=SOON_MS)


def test_a_paused_download_keeps_its_row_and_goes_on(
    window: MainWindow, hub: LocalHub, qtbot: QtBot, home: Path
) -> None:
    row = begin(window, hub, qtbot)
    assert "6 MB" in row.words
    assert not window.models.repository.text()
    page = window.models
    page.repository.setText("acme/rye")
    page.repository.setFocus()
    card = page.downloads
    assert not card.resume_all.isEnabled()
    for expected in (page.download_button, card.pause_all, *row.controls):
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        assert window.focusWidget() is expected
    row.go_button.setFocus()
    row.go_button.click()
    wait_for(window, "paused", qtbot)
    assert row.words.endswith("of 6 MB · Paused")
    assert row.go_button.accessibleName() == "Resume: acme/grain"
    assert row.go_button.hasFocus()

    let_go(hub)
    row.go_button.click()
    assert row.go_button.hasFocus()
    qtbot.waitUntil(lambda: not window.models.downloads.rows, timeout=SOON_MS)
    assert not window.models.downloads.isVisible()
    assert (home / "checkpoints" / "acme" / "grain" / "model.safetensors").stat().st_size == SIZE
    assert hub.sent_bytes("model.safetensors") < SIZE + 2**21


def question_of(window: MainWindow) -> ConfirmDialog:
    dialogs = window.models.downloads.findChildren(ConfirmDialog)
    return next(dialog for dialog in dialogs if dialog.isVisible())


def test_a_paused_download_is_there_after_a_new_start_and_can_be_discarded(
    make_window: WindowMaker, hub: LocalHub, qtbot: QtBot, home: Path
) -> None:
    window = make_window()
    row = begin(window, hub, qtbot)
    row.go_button.click()
    wait_for(window, "paused", qtbot)
    window.close()

    again = make_window()
    again.show_page("models")
    row = wait_for_row(again, qtbot)
    assert state_of(again) == "paused"
    assert not again.notice.isVisible()
    assert row.download.done_bytes > 1_000_000
    qtbot.mouseClick(row.discard_button, Qt.MouseButton.LeftButton)
    question_of(again).confirm.click()
    qtbot.waitUntil(lambda: not again.models.downloads.rows, timeout=SOON_MS)
    assert not (home / "checkpoints" / "acme").exists()


def test_a_running_download_is_discarded_after_a_question(
    window: MainWindow, hub: LocalHub, qtbot: QtBot, home: Path
) -> None:
    row = begin(window, hub, qtbot)
    row.discard_button.click()
    assert window._workbench.tasks.open_tasks
    question_of(window).confirm.click()
    assert not window.models.downloads.rows
    qtbot.waitUntil(lambda: not (home / "checkpoints" / "acme").exists(), timeout=SOON_MS)
    assert not window._workbench.tasks.open_tasks


def test_a_failed_download_says_why_in_its_row_also_after_a_new_start(
    make_window: WindowMaker, hub: LocalHub, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = make_window()
    row = begin(window, hub, qtbot)
    hub.faults.other_commit = True
    row.go_button.click()
    wait_for(window, "paused", qtbot)
    let_go(hub)
    row.go_button.click()
    wait_for(window, "failed", qtbot)
    assert "an unusable response" in row.words
    assert not window.models.getting.fault.isVisible()

    again = make_window()
    assert "an unusable response" in wait_for_row(again, qtbot).words


def test_a_download_of_another_process_has_no_buttons(
    window: MainWindow, hub: LocalHub, qtbot: QtBot, home: Path
) -> None:
    row = begin(window, hub, qtbot)
    row.go_button.click()
    wait_for(window, "paused", qtbot)
    (found,) = unfinished_below((home / "checkpoints",))
    with exclusive_folder(found.folder, "acme/grain"):
        window._workbench.models.refresh()
        wait_for(window, "foreign", qtbot)
        assert not row.go_button.isVisible()
        assert not row.discard_button.isVisible()
        assert not row.more_button.isVisible()
    wait_for(window, "paused", qtbot)


def test_a_queued_download_waits_and_can_be_taken_out(
    window: MainWindow, hub: LocalHub, qtbot: QtBot, tmp_path: Path
) -> None:
    hub.faults.hold_after_bytes = 1
    for name in ("acme/one", "acme/two", "acme/three"):
        hub.add_repository(name, tmp_path / "served")
        window._workbench.downloads.start(DownloadRequest(name))
    QApplication.processEvents()
    rows = window.models.downloads.rows
    third = rows[DownloadRequest("acme/three").key]
    assert third.words == "Waiting for another download"
    third.go_button.click()
    assert third.words == "Paused"
    assert third.go_button.text() == "Resume"
    third.go_button.click()
    assert third.words == "Waiting for another download"
    third.discard_button.click()
    assert [row.download.name for row in window.models.downloads.rows.values()] == [
        "acme/one",
        "acme/two",
    ]


def test_half_a_repository_is_not_offered_to_convert(
    window: MainWindow, hub: LocalHub, qtbot: QtBot
) -> None:
    row = begin(window, hub, qtbot)
    row.go_button.click()
    wait_for(window, "paused", qtbot)
    assert not window._workbench.models.checkpoints
    window.show_page("convert")
    assert window.convert.source_step.checkpoints.count() == 0
