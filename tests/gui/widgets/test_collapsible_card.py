from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from app.gui.theme.theme import Theme
from app.gui.widgets.collapsible_card import CollapsibleCard
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.scroll_column import ScrollColumn


def test_a_card_opens_and_closes_with_the_keyboard(theme: Theme, qtbot: QtBot) -> None:
    card = CollapsibleCard(theme, "Options")
    field = QLineEdit()
    card.add(field)
    qtbot.addWidget(card)
    card.show()
    assert not field.isVisible()
    card.button.setFocus()
    with qtbot.waitSignal(card.toggled) as blocker:
        qtbot.keyClick(card.button, Qt.Key.Key_Space)
    assert blocker.args == [True]
    assert field.isVisible()
    qtbot.keyClick(card.button, Qt.Key.Key_Space)
    assert not field.isVisible()


def test_a_closed_card_says_what_it_holds(theme: Theme, qtbot: QtBot) -> None:
    card = CollapsibleCard(theme, "Options")
    qtbot.addWidget(card)
    card.set_summary("files go to <b>models</b>")
    assert card.summary == "files go to <b>models</b>"
    assert card.accessibleName() == "Options"
    assert card.button.accessibleDescription()


def test_the_bar_of_a_column_takes_room_only_when_it_is_there(theme: Theme, qtbot: QtBot) -> None:
    column = ScrollColumn()
    last = PlainLabel("last")
    for _ in range(10):
        column.column.addWidget(PlainLabel("line\nline\nline"))
    column.column.addWidget(last)
    qtbot.addWidget(column)
    column.resize(200, 200)
    column.show()
    qtbot.waitUntil(lambda: column.column.contentsMargins().right() > 0)
    assert not column.viewport().rect().contains(last.mapTo(column, last.rect().center()))
    column.reveal(last)
    qtbot.waitUntil(
        lambda: column.viewport().rect().contains(last.mapTo(column, last.rect().center()))
    )
    column.resize(200, 2000)
    qtbot.waitUntil(lambda: column.column.contentsMargins().right() == 0)
