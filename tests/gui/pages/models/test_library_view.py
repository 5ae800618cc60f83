from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from app.gui.pages.models.marks_dialog import MarksDialog
from app.gui.pages.models.page import ModelsPage
from app.gui.services.engine import EngineLoading
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.plain_label import PlainLabel
from tests.gui.conftest import WindowMaker
from tests.support.gguf.gguf_files import llama_file


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
    good, broken = sorted(rows(page))
    assert good[:3] == ["Little", "GGUF", "Q4_K_M"]
    assert good[5].endswith("kB")
    assert broken[0] == "broken"
    assert broken[1].startswith("The file is incomplete")
    page.table.selectRow(rows(page).index(broken))
    assert page.library.facts.whole_text.startswith("broken.gguf is incomplete")


def test_delete_shows_what_goes_and_then_does_it(
    home: Path, make_window: WindowMaker, qtbot: QtBot
) -> None:
    gone = llama_file().write(home / "models" / "Gone-Q4_K_M.gguf")
    kept = llama_file().write(home / "models" / "Kept-Q4_K_M.gguf")
    window = make_window()
    window.show_page("models")
    page = window.models
    page.table.selectRow(0)
    qtbot.mouseClick(page.library.delete_button, Qt.MouseButton.LeftButton)
    open_dialog().reject()
    assert gone.exists()
    qtbot.mouseClick(page.library.delete_button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(open_dialog().confirm, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.table.rowCount() == 1, timeout=20_000)
    assert not gone.exists()
    assert kept.exists()


def test_after_a_deletion_the_neighbor_is_selected(
    home: Path, make_window: WindowMaker, qtbot: QtBot
) -> None:
    for name in "ABCD":
        llama_file().write(home / "models" / f"{name}-Q4_K_M.gguf")
    window = make_window()
    window.show_page("models")
    page = window.models
    choose(page, "C")
    for left, neighbor in ((3, "D"), (2, "B")):
        qtbot.keyClick(page.table, Qt.Key.Key_Delete)
        qtbot.mouseClick(open_dialog().confirm, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda left=left: page.table.rowCount() == left, timeout=20_000)
        chosen = page.table.chosen()
        assert chosen is not None
        assert chosen.name == neighbor


def test_the_row_under_the_pointer_is_colored(
    home: Path, make_window: WindowMaker, qtbot: QtBot
) -> None:
    for name in "AB":
        llama_file().write(home / "models" / f"{name}-Q4_K_M.gguf")
    window = make_window()
    window.show_page("models")
    table = window.models.table
    table.selectRow(0)

    def colors(row: int) -> set[str]:
        image = table.viewport().grab().toImage()
        cells = [table.visualItemRect(table.item(row, at)) for at in range(table.columnCount())]
        shown = [cell for cell in cells if not cell.isEmpty()]
        return {image.pixelColor(cell.topLeft() + QPoint(3, 3)).name() for cell in shown}

    assert colors(1) == {window.theme.colors.surface.lower()}
    qtbot.mouseMove(table.viewport(), table.visualItemRect(table.item(1, 1)).center())
    qtbot.waitUntil(lambda: colors(1) == {window.theme.colors.hover.lower()})


def test_a_name_with_markup_is_shown_literally(home: Path, make_window: WindowMaker) -> None:
    llama_file().write(home / "models" / "<b>&lt;h1&gt;-Q4_K_M.gguf")
    page = make_window().models
    assert rows(page)[0][0] == "<b>&lt;h1&gt;"


def add_checkpoint(home: Path, name: str = "acme/grain") -> Path:
    folder = home / "checkpoints" / name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(bytes(3_000_000))
    return folder


def choose(page: ModelsPage, name: str) -> None:
    page.table.selectRow([row[0] for row in rows(page)].index(name))


def labels(page: ModelsPage) -> list[str]:
    return [button.text() for button in page.library._actions if button.isVisible()]


def test_a_checkpoint_is_seen_with_its_size_and_can_be_converted(
    home: Path, make_window: WindowMaker, qtbot: QtBot
) -> None:
    folder = add_checkpoint(home)
    llama_file().write(home / "models" / "Little-Q4_K_M.gguf")
    window = make_window()
    window.show_page("models")
    page = window.models
    assert rows(page)[1] == ["acme/grain", "Checkpoint", "—", "—", "—", "3 MB"]
    assert labels(page) == ["Chat", "Options…", "Inspect…", "Open folder", "Delete…"]
    choose(page, "acme/grain")
    assert labels(page) == ["Convert…", "Open folder", "Delete…"]
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_Return)
    assert window.convert.isVisible()
    assert window.convert.session.source == str(folder)


def test_a_checkpoint_is_deleted_with_its_folder(
    home: Path, make_window: WindowMaker, qtbot: QtBot
) -> None:
    folder = add_checkpoint(home)
    window = make_window()
    window.show_page("models")
    page = window.models
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_Delete)
    dialog = open_dialog()
    texts = [label.text() for label in dialog.findChildren(PlainLabel)]
    assert texts[:2] == ["Delete acme/grain?", "This frees 3 MB. It can't be undone."]
    dialog.confirm.click()
    qtbot.waitUntil(lambda: page.table.rowCount() == 0, timeout=20_000)
    assert not folder.exists()


def test_a_checkpoint_that_is_being_converted_is_not_deleted(
    home: Path, make_window: WindowMaker, qtbot: QtBot
) -> None:
    folder = add_checkpoint(home)
    window = make_window()
    window.show_page("models")
    tasks = window._workbench.tasks
    for _ in range(2):
        task = tasks.add("convert", "grain", "serve", str(folder))
    window.models.library.delete_button.click()
    assert window.models.notice.text.startswith("acme/grain is being converted.")
    for task in tasks.open_tasks:
        with qtbot.waitSignal(task.ended):
            task.cancel()
    assert folder.exists()


def test_a_model_that_is_loaded_is_not_deleted(home: Path, make_window: WindowMaker) -> None:
    path = llama_file().write(home / "models" / "Little-Q4_K_M.gguf")
    window = make_window()
    window.show_page("models")
    window._workbench.engine.state = EngineLoading(str(path), "Little", 0.5)
    window.models.library.delete_button.click()
    assert window.models.notice.text == "Little is loaded. Unload it in the chat first."
    assert path.exists()


def test_a_header_sorts_and_sorts_in_reverse(home: Path, make_window: WindowMaker) -> None:
    add_checkpoint(home)
    for name in ("Barley", "Rye"):
        llama_file().write(home / "models" / f"{name}-Q4_K_M.gguf")
    page = make_window().models
    choose(page, "Rye")
    header = page.table.horizontalHeader()
    header.sectionClicked.emit(5)
    assert [row[0] for row in rows(page)] == ["Barley", "Rye", "acme/grain"]
    header.sectionClicked.emit(5)
    assert rows(page)[0][0] == "acme/grain"
    assert page.table.horizontalHeaderItem(5).text() == "Size ↓"
    chosen = page.table.chosen()
    assert chosen is not None
    assert chosen.name == "Rye"
    header.sectionClicked.emit(1)
    assert [row[0] for row in rows(page)] == ["Barley", "Rye", "acme/grain"]


def test_the_menu_has_the_actions_of_the_buttons(home: Path, make_window: WindowMaker) -> None:
    add_checkpoint(home)
    window = make_window()
    window.show_page("models")
    page = window.models
    page.table.customContextMenuRequested.emit(page.table.rect().center())
    (menu,) = page.library.findChildren(QMenu)
    assert [action.text() for action in menu.actions()] == labels(page)
    menu.close()


def test_a_model_has_more_in_its_menu(home: Path, make_window: WindowMaker) -> None:
    llama_file().write(home / "models" / "Little-Q4_K_M.gguf")
    page = make_window().models
    more = ("", "Favorite", "Label and tags…", "Verify", "Publish…")
    assert list(actions(page)) == [*labels_of(page), *more]


def actions(page: ModelsPage) -> dict[str, QAction]:
    page.table.customContextMenuRequested.emit(page.table.rect().center())
    menu = page.library.findChildren(QMenu)[-1]
    return {action.text(): action for action in menu.actions()}


def labels_of(page: ModelsPage) -> list[str]:
    return [button.text() for button in page.library._actions if not button.isHidden()]


def test_favorites_come_first_whatever_the_order(home: Path, make_window: WindowMaker) -> None:
    for name in ("Barley", "Rye"):
        llama_file().write(home / "models" / f"{name}-Q4_K_M.gguf")
    page = make_window().models
    choose(page, "Rye")
    actions(page)["Favorite"].trigger()
    assert [row[0] for row in rows(page)] == ["★ Rye", "Barley"]
    page.table.horizontalHeader().sectionClicked.emit(0)
    assert [row[0] for row in rows(page)] == ["★ Rye", "Barley"]
    assert actions(page)["Favorite"].isChecked()


def test_a_label_replaces_the_name_and_the_filter_finds_tags(
    home: Path, make_window: WindowMaker
) -> None:
    for name in ("Barley", "Rye"):
        llama_file().write(home / "models" / f"{name}-Q4_K_M.gguf")
    page = make_window().models
    choose(page, "Rye")
    actions(page)["Label and tags…"].trigger()
    dialog = page.library.findChild(MarksDialog)
    dialog.label.setText(" Bread ")
    dialog.tags.setText("code,  very   small , code,")
    dialog.save.click()
    assert [row[0] for row in rows(page)] == ["Barley", "Bread"]
    assert page.library.facts.whole_text.endswith("#code  ·  #very small")
    page.library.filter.setText("SMALL code")
    assert [row[0] for row in rows(page)] == ["Bread"]
    page.library.filter.setText("rye")
    assert [row[0] for row in rows(page)] == ["Bread"]
    page.library.filter.clear()
    assert len(rows(page)) == 2


def test_the_filter_keeps_the_selection(home: Path, make_window: WindowMaker) -> None:
    for name in ("Barley", "Oat", "Rye", "Wheat"):
        llama_file().write(home / "models" / f"{name}-Q4_K_M.gguf")
    page = make_window().models
    table, words = page.table, page.library.filter
    choose(page, "Rye")
    for text in ("w", "wheat", "nothing", ""):
        words.setText(text)
    assert table.chosen().title == "Rye"
    words.setText("a")
    choose(page, "Oat")
    words.clear()
    assert table.chosen().title == "Oat"
    words.setText("y")
    assert table.chosen().title == "Rye"
    table.cellClicked.emit(1, 0)
    words.clear()
    assert table.chosen().title == "Rye"


def test_a_filter_without_a_match_says_so(home: Path, make_window: WindowMaker) -> None:
    llama_file().write(home / "models" / "Rye-Q4_K_M.gguf")
    window = make_window()
    window.show_page("models")
    page = window.models
    assert not page.table.nothing.isVisible()
    page.library.filter.setText("oat")
    assert page.table.nothing.isVisible()
    assert page.table.nothing.text() == "No model matches."
    page.library.filter.clear()
    assert not page.table.nothing.isVisible()


def test_a_model_is_verified_and_a_change_is_told(
    home: Path, make_window: WindowMaker, qtbot: QtBot
) -> None:
    file = llama_file().write(home / "models" / "Little-Q4_K_M.gguf")
    window = make_window()
    window.show_page("models")
    page = window.models
    actions(page)["Verify"].trigger()
    qtbot.waitUntil(lambda: "checksum recorded on" in page.notice.text, timeout=30_000)
    assert "checksum recorded on" in page.library.facts.whole_text
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    actions(page)["Verify"].trigger()
    qtbot.waitUntil(lambda: "its SHA-256 differs" in page.notice.text, timeout=30_000)
    qtbot.waitUntil(lambda: "changed since" in page.library.facts.whole_text, timeout=30_000)


def test_a_file_of_another_program_is_deleted_only_with_its_name(
    home: Path, tmp_path: Path, make_window: WindowMaker
) -> None:
    llama_file().write(tmp_path / "person" / ".lmstudio" / "models" / "Grain-Q4_K_M.gguf")
    (home / "settings.json").write_text('{"shown_programs": ["LM Studio"]}')
    window = make_window()
    window.show_page("models")
    window.models.library.delete_button.click()
    texts = [label.text() for label in open_dialog().findChildren(PlainLabel)]
    assert texts[1].startswith("It belongs to LM Studio, which will also lose it. This frees")
    open_dialog().reject()


def test_models_of_one_name_are_told_apart(home: Path, make_window: WindowMaker) -> None:
    for owner in ("acme", "bolt"):
        llama_file().write(home / "models" / owner / "Grain-GGUF" / "Grain-Q4_K_M.gguf")
    page = make_window().models
    assert [row[0] for row in rows(page)] == [
        "Grain  ·  acme/Grain-GGUF",
        "Grain  ·  bolt/Grain-GGUF",
    ]
