"""The download queue in the window: resumption, order, and the number at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from app.core import paths
from app.core.settings import Settings, save_settings
from app.gui.pages.models.download_row import DownloadRow
from app.gui.services.download_list import DownloadList
from app.gui.shell.window import MainWindow
from app.library.download_queue import DownloadQueue, QueuedDownload
from app.library.stream_journal import Journal, StreamedFile, StreamRecord, part_of
from app.library.unfinished_downloads import DownloadNote, DownloadRequest
from tests.gui.conftest import WindowMaker
from tests.gui.pages.models.conftest import SIZE
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.hub.local_hub import LocalHub

SOON_MS = 30_000
NAMES = ("acme/one", "acme/two", "acme/three", "acme/four")


@pytest.fixture
def mills(hub: LocalHub, tmp_path: Path) -> LocalHub:
    """A hub with several repositories that stall until it is released."""
    for name in NAMES:
        hub.add_repository(name, tmp_path / "served")
    hub.faults.hold_after_bytes = SIZE // 2
    return hub


def downloads_of(window: MainWindow) -> DownloadList:
    return window._workbench.downloads


def start(window: MainWindow, *names: str) -> None:
    for name in names:
        downloads_of(window).start(DownloadRequest(name))


def shown(window: MainWindow) -> list[tuple[str, str]]:
    return [(one.name, one.state) for one in downloads_of(window).downloads]


def row_of(window: MainWindow, name: str) -> DownloadRow:
    return window.models.downloads.rows[DownloadRequest(name).key]


def rows(window: MainWindow) -> list[str]:
    return [row.download.name for row in window.models.downloads.rows.values()]


def let_go(hub: LocalHub) -> None:
    hub.faults.hold_after_bytes = 0
    hub.release()


def stored(home: Path, name: str) -> Path:
    return home / "checkpoints" / name / "model.safetensors"


def wait_until_all_are_here(names: Sequence[str], home: Path, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: all(stored(home, name).is_file() for name in names), timeout=SOON_MS)
    assert all(stored(home, name).stat().st_size == SIZE for name in names)


def queued() -> tuple[QueuedDownload, ...]:
    with closing(DownloadQueue(paths.downloads_file())) as queue:
        return queue.entries()


def test_what_ran_or_waited_goes_on_at_the_next_start_and_what_was_paused_does_not(
    make_window: WindowMaker, mills: LocalHub, qtbot: QtBot, home: Path
) -> None:
    window = make_window()
    start(window, *NAMES)
    first = downloads_of(window).downloads[0]
    downloads_of(window).pause([first])
    states = ["paused", "running", "running", "waiting"]
    qtbot.waitUntil(lambda: [state for _, state in shown(window)] == states, timeout=SOON_MS)
    window.close()
    assert [entry.state for entry in queued()] == states

    let_go(mills)
    again = make_window()
    assert again.notice.text == "Resuming 3 downloads."
    assert again.notice.isVisible()
    wait_until_all_are_here(NAMES[1:], home, qtbot)
    qtbot.waitUntil(lambda: shown(again) == [("acme/one", "paused")], timeout=SOON_MS)
    assert [entry.state for entry in queued()] == ["paused"]
    downloads_of(again).resume(downloads_of(again).downloads)
    wait_until_all_are_here(NAMES, home, qtbot)
    qtbot.waitUntil(lambda: queued() == (), timeout=SOON_MS)


def test_nothing_goes_on_by_itself_if_that_is_not_wanted(
    make_window: WindowMaker, mills: LocalHub, qtbot: QtBot, home: Path
) -> None:
    window = make_window()
    start(window, "acme/one")
    window.close()
    save_settings(msgspec.structs.replace(Settings(), resumes_downloads=False))
    again = make_window()
    assert again.notice.text.startswith("The download of acme/one was interrupted.")
    assert shown(again) == [("acme/one", "paused")]
    assert not again._workbench.tasks.open_tasks
    assert [entry.state for entry in queued()] == ["paused"]


@pytest.mark.parametrize("at_once", [1, 3])
def test_no_more_run_at_once_than_wanted(
    window: MainWindow, mills: LocalHub, qtbot: QtBot, home: Path, at_once: int
) -> None:
    window._workbench.settings.change(parallel_downloads=at_once)
    start(window, *NAMES)
    states = [state for _, state in shown(window)]
    assert states == ["running"] * at_once + ["waiting"] * (4 - at_once)
    window._workbench.settings.change(parallel_downloads=at_once + 1)
    assert [state for _, state in shown(window)].count("running") == at_once + 1
    most = 0

    def count() -> None:
        nonlocal most
        running = [one for one in window._workbench.tasks.open_tasks if one.state == "running"]
        most = max(most, len(running))

    downloads_of(window).changed.connect(count)
    let_go(mills)
    wait_until_all_are_here(NAMES, home, qtbot)
    assert most == at_once + 1


def test_files_of_one_repository_come_one_after_the_other(
    window: MainWindow, mills: LocalHub
) -> None:
    downloads = downloads_of(window)
    for pattern in ("Q4_0", "Q8_0"):
        downloads.start(DownloadRequest("acme/one", pattern=pattern))
    downloads.start(DownloadRequest("acme/two"))
    assert [one.state for one in downloads.downloads] == ["running", "waiting", "running"]


def test_the_first_in_the_queue_starts_next(
    window: MainWindow, mills: LocalHub, qtbot: QtBot
) -> None:
    window._workbench.settings.change(parallel_downloads=1)
    window.show_page("models")
    start(window, *NAMES)
    last = row_of(window, "acme/four")
    last.discard_button.setFocus()
    for expected in (
        ["acme/one", "acme/two", "acme/four", "acme/three"],
        ["acme/one", "acme/four", "acme/two", "acme/three"],
    ):
        qtbot.keyClick(last.discard_button, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
        assert rows(window) == expected
        assert last.discard_button.hasFocus()
        QApplication.processEvents()
        drawn = window.models.downloads.rows.values()
        assert sorted(row.y() for row in drawn) == [row.y() for row in drawn]
    qtbot.keyClick(last.discard_button, Qt.Key.Key_Tab)
    qtbot.keyClick(last.more_button, Qt.Key.Key_Tab)
    assert row_of(window, "acme/two").go_button.hasFocus()
    last.discard_button.setFocus()
    qtbot.keyClick(last.discard_button, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert rows(window) == ["acme/one", "acme/two", "acme/four", "acme/three"]

    assert [entry.request.repository for entry in queued()] == rows(window)
    downloads_of(window).pause([downloads_of(window).downloads[0]])
    qtbot.waitUntil(lambda: row_of(window, "acme/two").download.state == "running", timeout=SOON_MS)
    assert shown(window) == [
        ("acme/one", "paused"),
        ("acme/two", "running"),
        ("acme/four", "waiting"),
        ("acme/three", "waiting"),
    ]


def test_the_menu_of_a_row_offers_what_is_possible(window: MainWindow, mills: LocalHub) -> None:
    window._workbench.settings.change(parallel_downloads=1)
    window.show_page("models")
    start(window, *NAMES[:3])
    row = row_of(window, "acme/three")
    row.more_button.click()
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    offered = {one.text(): one.isEnabled() for one in menu.actions() if not one.isSeparator()}
    assert offered == {
        "Move up": True,
        "Move down": False,
        "Download first": True,
        "Pause": True,
        "Resume": False,
        "Discard…": True,
    }
    next(one for one in menu.actions() if one.text() == "Download first").trigger()
    menu.close()
    assert rows(window) == ["acme/three", "acme/one", "acme/two"]


def test_all_are_paused_and_resumed_together(
    window: MainWindow, mills: LocalHub, qtbot: QtBot, home: Path
) -> None:
    window.show_page("models")
    start(window, *NAMES)
    card = window.models.downloads
    card.pause_all.setFocus()
    card.pause_all.click()
    assert not card.pause_all.isEnabled()
    qtbot.waitUntil(lambda: {state for _, state in shown(window)} == {"paused"}, timeout=SOON_MS)
    assert not window._workbench.tasks.open_tasks
    let_go(mills)
    card.resume_all.click()
    assert not card.resume_all.isEnabled()
    assert card.pause_all.isEnabled()
    wait_until_all_are_here(NAMES, home, qtbot)
    qtbot.waitUntil(lambda: not card.rows, timeout=SOON_MS)


def test_a_row_names_the_file_that_is_fetched(
    window: MainWindow, mills: LocalHub, qtbot: QtBot
) -> None:
    mills.faults.bytes_per_second = SIZE // 4
    window.show_page("models")
    start(window, "acme/one")
    row = row_of(window, "acme/one")
    qtbot.waitUntil(lambda: row._file.whole_text == "model.safetensors", timeout=SOON_MS)
    assert row._bar.accessibleDescription() == f"{row.words} · model.safetensors"
    downloads_of(window).pause(downloads_of(window).downloads)
    qtbot.waitUntil(lambda: row.download.state == "paused", timeout=SOON_MS)
    assert row._file.whole_text == ""


def test_a_pause_in_the_tray_keeps_the_download(
    window: MainWindow, mills: LocalHub, qtbot: QtBot
) -> None:
    start(window, "acme/one")
    (task,) = window._workbench.tasks.open_tasks
    task.cancel()
    qtbot.waitUntil(lambda: shown(window) == [("acme/one", "paused")], timeout=SOON_MS)
    assert [entry.state for entry in queued()] == ["paused"]


@pytest.mark.slow
@pytest.mark.usefixtures("converter", "known_machine")
def test_a_model_that_is_converted_while_it_comes_is_in_the_same_queue(
    make_window: WindowMaker, hub: LocalHub, qtbot: QtBot, tmp_path: Path, home: Path
) -> None:
    hub.add_repository("some/model", make_tiny_checkpoint(tmp_path / "some"))
    with closing(DownloadQueue(paths.downloads_file())) as queue:
        queue.add(DownloadRequest("some/model", kind="get", levels=("Q8_0",)))
    window = make_window()
    assert window.notice.text == "Resuming the download of some/model → Q8_0."
    window.show_page("models")
    assert rows(window) == ["some/model → Q8_0"]
    page = window.models
    qtbot.waitUntil(lambda: not page.downloads.rows, timeout=120_000)
    assert page.notice.text == "some/model → Q8_0 is ready."
    (made,) = (home / "models").rglob("*.gguf")
    assert "Q8_0" in made.name
    assert queued() == ()


def test_what_get_has_downloaded_is_in_its_row(
    make_window: WindowMaker, qtbot: QtBot, home: Path
) -> None:
    """`get` of a repository with GGUF files is a download of one of them."""
    folder = home / "models" / "acme" / "one"
    folder.mkdir(parents=True)
    note = DownloadNote(DownloadRequest("acme/one", kind="get"), {"a.gguf": 9})
    (folder / ".gristmill-0.download.json").write_bytes(msgspec.json.encode(note))
    (folder / "a.gguf.part").write_bytes(b"four")
    with closing(DownloadQueue(paths.downloads_file())) as queue:
        queue.mark("paused", queue.add(DownloadRequest("acme/one", kind="get")).id)
    window = make_window()
    (download,) = downloads_of(window).downloads
    assert (download.name, download.state) == ("acme/one → GGUF", "paused")
    assert (download.done_bytes, download.total_bytes) == (4, 9)
    downloads_of(window).discard(download)
    assert queued() == ()
    assert downloads_of(window).downloads == ()
    assert not folder.exists()


def test_one_request_leaves_the_work_of_another_alone(
    make_window: WindowMaker, qtbot: QtBot, home: Path
) -> None:
    """A level that was fetched in a terminal, and a failed request for the recommended one."""
    model = home / "models" / "one-Q8_0.gguf"
    model.parent.mkdir(parents=True)
    part_of(model).write_bytes(b"four")
    stream = paths.streams_folder() / "0"
    stream.mkdir(parents=True)
    record = StreamRecord(
        repository="acme/one",
        commit="c" * 40,
        revision=None,
        levels=("Q8_0",),
        asked_levels=("Q8_0",),
        is_projector=False,
        files=(StreamedFile(str(model), 4, "0" * 64),),
        total_bytes=9,
    )
    Journal(stream).begin(record)
    with closing(DownloadQueue(paths.downloads_file())) as queue:
        failed = queue.add(DownloadRequest("acme/one", kind="get"))
        queue.mark("failed", failed.id, reason="It is there already.")
    window = make_window()
    assert shown(window) == [("acme/one → GGUF", "failed"), ("acme/one → Q8_0", "paused")]

    downloads = downloads_of(window)
    assert downloads.plan_discard(downloads.downloads[0]) is None
    downloads.discard(downloads.downloads[0])

    qtbot.waitUntil(lambda: shown(window) == [("acme/one → Q8_0", "paused")], timeout=SOON_MS)
    assert part_of(model).exists()
    assert Journal(stream).record == record


def test_downloads_go_on_after_a_kill(mills: LocalHub, qtbot: QtBot, home: Path) -> None:
    """A real program is killed while it downloads; the next one finishes what it had begun."""
    home.mkdir(parents=True, exist_ok=True)
    paths.engine_file().write_text("{}")
    with closing(DownloadQueue(paths.downloads_file())) as queue:
        for name in NAMES:
            queue.add(DownloadRequest(name))
        queue.mark("paused", queue.entries()[3].id)
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    program = [sys.executable, "-m", "app"]
    killed = subprocess.Popen(program, env=environment)
    qtbot.waitUntil(lambda: mills.sent_bytes("model.safetensors") > 0, timeout=SOON_MS)
    second = subprocess.run(program, env=environment, timeout=SOON_MS / 1000, check=False)
    assert second.returncode == 0
    killed.kill()
    killed.wait()
    states = [entry.state for entry in queued()]
    assert states == ["running", "running", "waiting", "paused"]

    let_go(mills)
    again = subprocess.Popen(program, env=environment)
    try:
        wait_until_all_are_here(NAMES[:3], home, qtbot)
        qtbot.waitUntil(lambda: len(queued()) == 1, timeout=SOON_MS)
    finally:
        again.terminate()
        assert again.wait(SOON_MS / 1000) == 0
    assert [entry.request.repository for entry in queued()] == ["acme/four"]
    assert not stored(home, "acme/four").exists()
