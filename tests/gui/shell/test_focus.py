"""The focus is shown for the keyboard, and stays where the user is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from app.gui.shell.window import PAGES, MainWindow
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE
from app.gui.widgets.button import Button
from app.gui.widgets.card import Card
from app.gui.widgets.focus_guide import FocusGuide
from app.gui.widgets.item_list import ItemList
from app.gui.widgets.item_table import ItemTable


@pytest.fixture
def holder(window: MainWindow, qtbot: QtBot) -> Iterator[Card]:
    """A card in a window of its own, with a field, two buttons and Cancel at the end."""
    page = QWidget()
    qtbot.addWidget(page)
    card = Card("Engine", parent=page)
    page.resize(400, 400)
    page.show()
    with qtbot.waitActive(page):
        page.activateWindow()
    yield card
    page.close()


def put(card: Card, theme: Theme, *names: str) -> list[Button]:
    buttons = [Button(theme, name) for name in names]
    for button in buttons:
        card.add(button)
    card.adjustSize()
    QApplication.processEvents()
    return buttons


def test_only_the_keyboard_gets_a_ring(window: MainWindow, holder: Card, qtbot: QtBot) -> None:
    add, remove = put(holder, window.theme, "Add", "Remove")
    qtbot.mouseClick(add, Qt.MouseButton.LeftButton)
    assert add.hasFocus()
    assert not add.property("ring")
    qtbot.keyClick(add, Qt.Key.Key_Tab)
    assert remove.hasFocus()
    assert remove.property("ring")
    qtbot.keyClick(remove, Qt.Key.Key_Backtab)
    assert add.property("ring")
    qtbot.mouseClick(remove, Qt.MouseButton.LeftButton)
    assert not remove.property("ring")


def test_a_list_has_its_ring_on_the_row_only(holder: Card, qtbot: QtBot) -> None:
    names = ItemList("Models", framed=True)
    names.addItems(["One", "Two"])
    holder.add(names)
    names.setFixedSize(200, 200)
    holder.adjustSize()
    names.setCurrentRow(0)
    QApplication.processEvents()
    before = names.grab().toImage()
    names.setFocus(Qt.FocusReason.TabFocusReason)
    QApplication.processEvents()
    after = names.grab().toImage()
    frame = QPoint(100, 0)
    assert after.pixelColor(frame) == before.pixelColor(frame)
    assert after != before


def test_a_table_has_its_ring_around_the_whole_row(holder: Card, qtbot: QtBot) -> None:
    table = ItemTable("Levels", ["Level", "Size", "Bits"])
    table.add_row(["Q4", "1", "2"])
    table.add_row(["Q8", "2", "4"])
    holder.add(table)
    table.setFixedSize(300, 200)
    holder.adjustSize()
    QApplication.processEvents()
    table.selectRow(0)
    table.setFocus(Qt.FocusReason.TabFocusReason)
    QApplication.processEvents()
    picture = table.viewport().grab().toImage()
    accent = table.palette().accent().color()
    bottom = table.rowHeight(0) - SIZE.focus // 2
    for x in range(SIZE.focus, table.viewport().width() - SIZE.focus, 20):
        assert picture.pixelColor(x, bottom) == accent


def test_a_shortcut_moves_the_focus_into_its_page(window: MainWindow, qtbot: QtBot) -> None:
    with qtbot.waitActive(window):
        window.activateWindow()
    for number, name in (*enumerate(PAGES, 1), (1, "chat")):
        qtbot.keyClick(window, str(number), Qt.KeyboardModifier.ControlModifier)
        page: QWidget = getattr(window, name)
        focus = QApplication.focusWidget()
        assert focus is page or page.isAncestorOf(focus)


@pytest.mark.parametrize("takes_away", [QWidget.hide, lambda w: w.setEnabled(False)])
def test_a_lost_focus_goes_to_the_card_and_not_to_cancel(
    window: MainWindow, holder: Card, takes_away
) -> None:
    check, cancel = put(holder, window.theme, "Check", "Cancel")
    check.setFocus(Qt.FocusReason.MouseFocusReason)
    takes_away(check)
    assert QApplication.focusWidget() is holder
    assert not cancel.property("ring")


@pytest.mark.parametrize("takes_away", [QWidget.hide, lambda w: w.setEnabled(False)])
def test_a_lost_focus_goes_to_the_safe_control(
    window: MainWindow, holder: Card, takes_away
) -> None:
    add, _ = put(holder, window.theme, "Add", "Cancel")
    field = QLineEdit()
    holder.add(field)
    field.show()
    holder.safe_control = field  # type: ignore[attr-defined]
    add.setFocus(Qt.FocusReason.MouseFocusReason)
    takes_away(add)
    assert QApplication.focusWidget() is field


def test_a_focus_lost_behind_another_window_is_kept_too(
    window: MainWindow, holder: Card, qtbot: QtBot
) -> None:
    check, _ = put(holder, window.theme, "Check", "Cancel")
    check.setFocus(Qt.FocusReason.MouseFocusReason)
    with qtbot.waitActive(window):
        window.activateWindow()
    check.setEnabled(False)
    with qtbot.waitActive(holder.window()):
        holder.window().activateWindow()
    assert QApplication.focusWidget() is holder


def test_a_field_that_closes_when_it_is_left_takes_no_focus_back(
    window: MainWindow, holder: Card, qtbot: QtBot
) -> None:
    field, other = QLineEdit(), QLineEdit()
    for line in (field, other):
        holder.add(line)
        line.show()
    holder.adjustSize()
    field.setFocus(Qt.FocusReason.MouseFocusReason)
    qtbot.keyClicks(field, "words")
    field.editingFinished.connect(field.hide)
    qtbot.mouseClick(other, Qt.MouseButton.LeftButton)
    assert not field.isVisible()
    assert other.hasFocus()


def _safe_names(window: MainWindow) -> Iterator[tuple[str, QPushButton, QToolButton, QWidget]]:
    window.show_page("settings")
    settings = window.settings
    settings.endpoints.address.setText("http://localhost:1")
    yield "settings", settings.endpoints.add_button, settings.endpoints.address
    settings.access.token.setText("hf_x")
    yield "settings", settings.access.save_button, settings.access.token
    yield "settings", settings.engine.test_button, settings.engine
    window.show_page("models")
    window.models.repository.setText("owner/name")
    yield "models", window.models.download_button, window.models.repository
    window.show_page("convert")
    yield "convert", window.convert.source_step.next_button, window.convert.source_step
    window.show_page("chat")
    notice = window.chat.notice
    notice.show_notice("error", "Broken", [("retry", "Try again")])
    yield "chat", notice.findChildren(QPushButton)[0], window.chat.composer


def test_every_button_that_goes_away_leaves_the_focus_on_its_page(
    window: MainWindow, qtbot: QtBot
) -> None:
    with qtbot.waitActive(window):
        window.activateWindow()
    for name, button, place in _safe_names(window):
        # The engine's card looks at the engine when it is shown.
        qtbot.waitUntil(button.isEnabled, timeout=20_000)
        button.setFocus(Qt.FocusReason.MouseFocusReason)
        if name == "chat":
            window.chat.notice.hide()
        else:
            button.setEnabled(False)
        focus = QApplication.focusWidget()
        page: QWidget = getattr(window, name)
        assert page.isAncestorOf(focus) or focus is page, button.text()
        assert "Cancel" not in focus.accessibleName()
        assert place is focus or place.isAncestorOf(focus) or focus.isAncestorOf(place)


@pytest.mark.parametrize("width", [1120, 1600])
def test_a_job_that_ends_takes_no_focus_to_a_page(
    window: MainWindow, qtbot: QtBot, width: int
) -> None:
    window.resize(width, 700)
    waits, other = (
        window._workbench.tasks.add("setup", title, "serve", "nothing-there")
        for title in ("waits", "other")
    )
    with qtbot.waitActive(window):
        window.activateWindow()
    if width < SIZE.unfolded_window:
        window.rail.jobs.button.click()
    jobs = window.rail.jobs.list
    cancel = next(b for b in jobs.findChildren(QToolButton) if "other" in b.accessibleName())
    cancel.setFocus()
    other.cancel()
    assert other.is_over
    assert QApplication.focusWidget().accessibleName() == "Jobs"
    waits.cancel()
    qtbot.waitUntil(lambda: waits.is_over, timeout=20_000)
    focus = QApplication.focusWidget()
    assert focus is None or not window.chat.isAncestorOf(focus)


def test_the_guide_goes_with_its_window(window: MainWindow) -> None:
    assert len(window.findChildren(FocusGuide)) == 1
