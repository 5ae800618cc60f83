"""The list of chats: groups by day, renaming in place, menus, the search, and folding."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QListWidgetItem, QMenu
from pytestqt.qtbot import QtBot

from app.chat import rows
from app.chat.conversation import Chat, ChatId
from app.chat.search_hit import SearchHit
from app.gui.pages.chat.chat_groups import grouped
from app.gui.pages.chat.chat_row_delegate import HIT
from app.gui.shell.window import MainWindow
from app.gui.widgets.confirm_dialog import ConfirmDialog
from tests.gui.conftest import WindowMaker


def add(window: MainWindow, title: str, text: str = "words", days_ago: int = 0) -> Chat:
    chats = window._workbench.chats
    chat = chats.create_chat("m")
    chats.add_message(chat.id, None, "user", text)
    chats.rename(chat.id, title)
    then = rows.milliseconds(datetime.now(UTC) - timedelta(days=days_ago))
    chats._connection.execute("UPDATE chat SET updated = ? WHERE id = ?", (then, chat.id))
    window.chat.chat_list.refresh()
    return chats.conversation(chat.id).chat


def item_of(window: MainWindow, title: str) -> QListWidgetItem:
    (item,) = window.chat.chat_list.list.findItems(title, Qt.MatchFlag.MatchExactly)
    return item


def place_of(window: MainWindow, title: str) -> QPoint:
    return window.chat.chat_list.list.visualItemRect(item_of(window, title)).center()


def highlighted(window: MainWindow) -> list[str]:
    return [item.text() for item in window.chat.chat_list.list.selectedItems()]


def open_chat(window: MainWindow, qtbot: QtBot, title: str) -> None:
    rows = window.chat.chat_list.list
    qtbot.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=place_of(window, title))
    chat = window.chat.session.chat
    assert chat is not None
    assert chat.title == title


def edit(window: MainWindow, qtbot: QtBot) -> QLineEdit:
    rows = window.chat.chat_list.list
    rows.setFocus()
    qtbot.keyClick(rows, Qt.Key.Key_F2)
    line = rows.findChild(QLineEdit)
    assert line is not None
    return line


def delete_with_key(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(window.chat.chat_list.list, Qt.Key.Key_Delete)
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, ConfirmDialog)
    dialog.confirm.click()


def test_headings_by_day() -> None:
    now = datetime(2026, 3, 10, 12).astimezone()
    ages = [0, 0, 1, 2, 7, 8, 400]
    hits = [
        SearchHit(
            Chat(
                id=ChatId(age),
                title="",
                model="",
                created=now,
                updated=now - timedelta(days=age),
            ),
            "",
        )
        for age in ages
    ]
    found = {heading: len(group) for heading, group in grouped(hits, now.date())}
    assert found == {"Today": 2, "Yesterday": 1, "Previous 7 days": 2, "Older": 2}


def test_headings_are_no_chats(window: MainWindow, qtbot: QtBot) -> None:
    add(window, "Old", days_ago=30)
    add(window, "New")
    rows = window.chat.chat_list.list
    texts = [rows.item(row).text() for row in range(rows.count())]
    assert texts == ["Today", "New", "Older", "Old"]
    heading = rows.visualItemRect(rows.item(0)).center()
    qtbot.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=heading)
    assert window.chat.session.chat is None
    rows.setFocus()
    rows.setCurrentRow(1)
    qtbot.keyClick(rows, Qt.Key.Key_Down)
    assert rows.currentItem().text() == "Old"


def test_a_title_is_edited_in_place(window: MainWindow, qtbot: QtBot) -> None:
    add(window, "Old title")
    open_chat(window, qtbot, "Old title")
    line = edit(window, qtbot)
    assert line.text() == "Old title"
    qtbot.keyClicks(line, "New title")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: highlighted(window) == ["New title"])
    assert [chat.title for chat in window._workbench.chats.chats()] == ["New title"]
    assert window.chat.header.title.whole_text == "New title"


def test_escape_keeps_the_title(window: MainWindow, qtbot: QtBot) -> None:
    add(window, "Old title")
    open_chat(window, qtbot, "Old title")
    line = edit(window, qtbot)
    qtbot.keyClicks(line, "Never")
    qtbot.keyClick(line, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.chat.chat_list.list.is_editing)
    assert [chat.title for chat in window._workbench.chats.chats()] == ["Old title"]


def test_a_reply_that_ends_elsewhere_ends_no_editing(window: MainWindow, qtbot: QtBot) -> None:
    add(window, "Old title")
    open_chat(window, qtbot, "Old title")
    line = edit(window, qtbot)
    qtbot.keyClicks(line, "New")
    window.chat.session.listed.emit()
    assert window.chat.chat_list.list.is_editing
    qtbot.keyClicks(line, " title")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: highlighted(window) == ["New title"])


def test_the_delete_key_asks(window: MainWindow, qtbot: QtBot) -> None:
    add(window, "Doomed")
    open_chat(window, qtbot, "Doomed")
    delete_with_key(window, qtbot)
    assert window._workbench.chats.chats() == []
    assert window.chat.session.chat is None


@pytest.mark.parametrize("by_button", [True, False])
def test_a_menu_leaves_the_highlight_where_it_is(
    window: MainWindow, qtbot: QtBot, *, by_button: bool
) -> None:
    add(window, "Open")
    add(window, "Other")
    open_chat(window, qtbot, "Open")
    rows = window.chat.chat_list.list
    place = place_of(window, "Other")
    if by_button:
        row = rows.visualItemRect(item_of(window, "Other"))
        place = rows._delegate.button_in(row).center()
        qtbot.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=place)
    else:
        qtbot.mouseClick(rows.viewport(), Qt.MouseButton.RightButton, pos=place)
        item = rows.itemAt(place)
        rows.menu_requested.emit(item, rows.viewport().mapToGlobal(place))
    assert highlighted(window) == ["Open"]
    chat = window.chat.session.chat
    assert chat is not None
    assert chat.title == "Open"
    menu = window.chat.chat_list.findChild(QMenu)
    assert [action.text() for action in menu.actions()] == ["Rename", "Delete…"]
    menu.close()


def test_a_search_shows_excerpts_and_gives_the_highlight_back(
    window: MainWindow, qtbot: QtBot
) -> None:
    add(window, "Bread", "Rye or wheat?")
    add(window, "Open", "Something else")
    open_chat(window, qtbot, "Open")
    search = window.chat.chat_list.search
    qtbot.keyClicks(search, "wheat")
    assert item_of(window, "Bread").data(HIT).excerpt == "Rye or wheat?"
    assert highlighted(window) == []
    search.clear()
    assert highlighted(window) == ["Open"]
    qtbot.keyClicks(search, "nowhere")
    assert window.chat.chat_list._empty.text() == "No matches"
    assert window.chat.chat_list._empty.isVisible()


def test_the_list_folds_and_stays_folded(make_window: WindowMaker, qtbot: QtBot) -> None:
    window = make_window()
    window.resize(1200, 700)
    chats, header = window.chat.chat_list, window.chat.header
    qtbot.waitUntil(chats.isVisible)
    assert header.new_button.isHidden()
    qtbot.mouseClick(header.list_button, Qt.MouseButton.LeftButton)
    assert chats.isHidden()
    chat = add(window, "Open")
    window.chat.session.open(chat)
    qtbot.mouseClick(header.new_button, Qt.MouseButton.LeftButton)
    assert window.chat.session.chat is None
    again = make_window()
    again.resize(1200, 700)
    assert again.chat.chat_list.isHidden()
    qtbot.mouseClick(again.chat.header.list_button, Qt.MouseButton.LeftButton)
    assert again.chat.chat_list.isVisible()


def test_the_list_folds_by_itself_where_there_is_no_room(window: MainWindow, qtbot: QtBot) -> None:
    chats = window.chat.chat_list
    window.resize(1200, 700)
    qtbot.waitUntil(chats.isVisible)
    window.resize(820, 700)
    qtbot.waitUntil(chats.isHidden)
    assert window._workbench.settings.value.lists_chats
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(chats.isVisible)
    window.resize(1200, 700)
    qtbot.waitUntil(lambda: window.width() == 1200)
    assert chats.isVisible()


def test_what_is_typed_in_the_list_goes_to_the_composer(window: MainWindow, qtbot: QtBot) -> None:
    for title in ("Hens", "Ducks", "Open"):
        add(window, title)
    open_chat(window, qtbot, "Open")
    rows = window.chat.chat_list.list
    window.activateWindow()
    rows.setFocus()
    qtbot.waitUntil(rows.hasFocus)
    for letter in "How many hens?":
        qtbot.keyClicks(window.focusWidget(), letter)
    assert window.chat.composer.text == "How many hens?"
    assert window.chat.composer.focusProxy().hasFocus()
    assert highlighted(window) == ["Open"]


def test_keys_that_move_the_highlight_open_the_chat(window: MainWindow, qtbot: QtBot) -> None:
    add(window, "Last", days_ago=30)
    add(window, "Middle", days_ago=30)
    add(window, "First")
    open_chat(window, qtbot, "First")
    rows = window.chat.chat_list.list
    window.activateWindow()
    rows.setFocus()
    qtbot.waitUntil(rows.hasFocus)
    up = Qt.Key.Key_Up
    for key, title in ((Qt.Key.Key_End, "Last"), (up, "Middle"), (up, "First")):
        qtbot.keyClick(rows, key)
        assert highlighted(window) == [title]
        assert window.chat.header.title.whole_text == title
        assert rows.hasFocus()
    qtbot.keyClick(rows, Qt.Key.Key_Down)
    qtbot.keyClick(rows, Qt.Key.Key_Delete)
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, ConfirmDialog)
    assert "Middle" in [label.text() for label in dialog.findChildren(QLabel)]
    dialog.reject()


@pytest.mark.parametrize(
    ("deleted", "neighbor"), [("First", "Second"), ("Second", "Third"), ("Third", "Second")]
)
def test_after_a_deletion_the_neighbor_is_open(
    window: MainWindow, qtbot: QtBot, deleted: str, neighbor: str
) -> None:
    add(window, "Third", days_ago=30)
    add(window, "Second", days_ago=1)
    add(window, "First")
    open_chat(window, qtbot, deleted)
    delete_with_key(window, qtbot)
    assert highlighted(window) == [neighbor]
    assert window.chat.header.title.whole_text == neighbor


def test_deleting_another_chat_leaves_the_open_one(window: MainWindow, qtbot: QtBot) -> None:
    doomed = add(window, "Doomed")
    add(window, "Open")
    open_chat(window, qtbot, "Open")
    window.chat.chat_list._ask_to_delete(doomed)
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, ConfirmDialog)
    dialog.confirm.click()
    assert highlighted(window) == ["Open"]
    assert window.chat.header.title.whole_text == "Open"


def test_each_chat_keeps_its_draft(window: MainWindow, qtbot: QtBot) -> None:
    add(window, "Hens")
    add(window, "Ducks")
    chat = window.chat
    field = chat.composer.focusProxy()
    qtbot.keyClicks(field, "about nothing yet")
    open_chat(window, qtbot, "Hens")
    assert chat.composer.text == ""
    qtbot.keyClicks(field, "about hens")
    open_chat(window, qtbot, "Ducks")
    assert chat.composer.text == ""
    qtbot.keyClicks(field, "about ducks")
    open_chat(window, qtbot, "Hens")
    assert chat.composer.text == "about hens"
    delete_with_key(window, qtbot)
    assert chat.composer.text == "about ducks"
    qtbot.mouseClick(chat.chat_list.new_button, Qt.MouseButton.LeftButton)
    assert chat.composer.text == "about nothing yet"
