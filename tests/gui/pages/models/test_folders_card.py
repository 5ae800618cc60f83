"""Folders of the library in the window: added, removed, gone, changed, and of other programs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from pytestqt.qtbot import QtBot

from app.core import paths
from app.gui.pages.models.page import ModelsPage
from tests.gui.conftest import WindowMaker
from tests.support.gguf.gguf_files import llama_file


def names(page: ModelsPage) -> list[str]:
    return [page.table.item(row, 0).text() for row in range(page.table.rowCount())]


def states(page: ModelsPage) -> dict[str, str]:
    return {row.name.whole_text: row.state.whole_text for row in page.folders.rows}


def press(page: ModelsPage, name: str) -> None:
    row = next(row for row in page.folders.rows if row.name.whole_text == name)
    row.button.click()


def choose(home: Path, *folders: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    settings = {"added_models": [str(folder) for folder in folders]}
    paths.settings_file().write_text(json.dumps(settings))


def test_two_folders_one_gone(
    home: Path, tmp_path: Path, make_window: WindowMaker, qtbot: QtBot
) -> None:
    here, drive = tmp_path / "here", tmp_path / "drive"
    llama_file().write(here / "Near-Q4_K_M.gguf")
    llama_file().write(drive / "Far-Q4_K_M.gguf")
    choose(home, here, drive)
    window = make_window()
    window.show_page("models")
    page = window.models
    assert names(page) == ["Far", "Near"]
    assert page.folders.summary == ""
    shutil.move(drive, tmp_path / "away")
    qtbot.waitUntil(lambda: names(page) == ["Near"], timeout=40_000)
    assert states(page)[str(drive)] == "Not connected; 1 model, 55 kB when last seen"
    assert page.folders.summary == "Not connected: drive"
    shutil.move(tmp_path / "away", drive)
    qtbot.waitUntil(lambda: names(page) == ["Far", "Near"], timeout=40_000)
    assert page.folders.summary == ""
    assert not page.notice.isVisible()


def test_a_file_that_is_copied_into_a_folder_appears(
    home: Path, make_window: WindowMaker, qtbot: QtBot
) -> None:
    first = llama_file().write(home / "models" / "deep" / "First-Q4_K_M.gguf")
    page = make_window().models
    shutil.copy(first, first.with_name("Second-Q4_K_M.gguf"))
    qtbot.waitUntil(lambda: names(page) == ["First", "Second"], timeout=40_000)


def test_a_folder_is_added_and_removed_and_its_files_stay(
    tmp_path: Path, make_window: WindowMaker, qtbot: QtBot
) -> None:
    file = llama_file().write(tmp_path / "mine" / "any" / "layout" / "x.gguf")
    page = make_window().models
    page.folders.add_folder(str(tmp_path / "mine"))
    qtbot.waitUntil(lambda: names(page) == ["x"], timeout=20_000)
    assert states(page)[str(tmp_path / "mine")] == "1 model, 55 kB"
    press(page, str(tmp_path / "mine"))
    qtbot.waitUntil(lambda: names(page) == [], timeout=20_000)
    assert file.exists()
    # The folder of downloads stays.
    assert [row.button.isHidden() for row in page.folders.rows] == [True]


def test_models_of_another_program_are_offered_shown_and_hidden(
    tmp_path: Path, make_window: WindowMaker, qtbot: QtBot
) -> None:
    folder = tmp_path / "person" / ".lmstudio" / "models"
    llama_file().write(folder / "acme" / "Grain-GGUF" / "Grain-Q4_K_M.gguf")
    page = make_window().models
    assert names(page) == []
    assert page.folders.summary == "Found in other programs: LM Studio (1 model, 55 kB)"
    press(page, "LM Studio")
    qtbot.waitUntil(lambda: names(page) == ["Grain"], timeout=20_000)
    assert page.folders.summary == ""
    page.table.selectRow(0)
    assert "belongs to LM Studio" in page.library.facts.whole_text
    press(page, "LM Studio")
    qtbot.waitUntil(lambda: names(page) == [], timeout=20_000)
