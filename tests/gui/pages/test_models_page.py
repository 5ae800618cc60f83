from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.gui.pages.models.page import ModelsPage
from app.gui.widgets.confirm_dialog import ConfirmDialog
from tests.gui.conftest import WindowMaker
from tests.support.gguf.gguf_files import llama_file
from tests.support.hub.local_hub import LocalHub


def rows(page: ModelsPage) -> list[list[str]]:
    table = page.table
    return [
        [table.item(row, column).text() for column in range(table.columnCount())]
        for row in range(table.rowCount())
    ]


def open_dialog() -> ConfirmDialog:
    found = [w for w in QApplication.topLevelWidgets() if isinstance(w, ConfirmDialog)]
    return next(dialog for dialog in found if dialog.isVisible())


def test_a_person_without_models_is_told_what_to_do(make_window: WindowMaker) -> None:
    page = make_window().models
    assert page._stack.currentIndex() == 0
    assert not page.download_button.isEnabled()


def test_models_are_listed_with_level_and_size(home: Path, make_window: WindowMaker) -> None:
    llama_file().write(home / "models" / "Little-Q4_K_M.gguf")
    (home / "models" / "broken.gguf").write_bytes(b"GGUF")
    page = make_window().models
    broken, good = sorted(rows(page))[1], sorted(rows(page))[0]
    if not good[0].startswith("Little"):
        broken, good = good, broken
    assert good[:2] == ["Little", "Q4_K_M"]
    assert good[4].endswith("kB")
    assert "broken" in broken[0]
    assert "Download or convert it again." in broken[0]


def test_delete_shows_what_goes_and_then_does_it(
    home: Path, make_window: WindowMaker, qtbot: QtBot
) -> None:
    gone = llama_file().write(home / "models" / "Gone-Q4_K_M.gguf")
    kept = llama_file().write(home / "models" / "Kept-Q4_K_M.gguf")
    window = make_window()
    window.show_page("models")
    page = window.models
    page.table.selectRow(0)
    qtbot.mouseClick(page.delete_button, Qt.MouseButton.LeftButton)
    open_dialog().reject()
    assert gone.exists()
    qtbot.mouseClick(page.delete_button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(open_dialog().confirm, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.table.rowCount() == 1, timeout=20_000)
    assert not gone.exists()
    assert kept.exists()


def test_a_repository_that_does_not_exist_is_said_and_can_be_retried(
    make_window: WindowMaker, qtbot: QtBot, monkeypatch
) -> None:
    with LocalHub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        window = make_window()
        window.show_page("models")
        page = window.models
        qtbot.keyClicks(page.repository, "nobody/nothing")
        qtbot.keyClick(page.repository, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: "nobody/nothing does not exist" in page.notice.text, timeout=30_000)
        assert not window._workbench.tasks.open_tasks
        page.notice.acted.emit("retry")
        assert [task.title for task in window._workbench.tasks.open_tasks] == ["nobody/nothing"]


def test_a_name_with_markup_is_shown_literally(home: Path, make_window: WindowMaker) -> None:
    llama_file().write(home / "models" / "<b>&lt;h1&gt;-Q4_K_M.gguf")
    page = make_window().models
    assert rows(page)[0][0] == "<b>&lt;h1&gt;"
