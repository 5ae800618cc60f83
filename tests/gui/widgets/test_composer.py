"""Writing a message: Enter sends, Shift+Enter breaks the line, nothing written is lost."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPlainTextEdit
from pytestqt.qtbot import QtBot

from app.gui.theme.theme import Theme
from app.gui.widgets.composer import Composer
from app.gui.widgets.icon_button import IconButton


@pytest.fixture
def composer(theme: Theme, qtbot: QtBot) -> Composer:
    made = Composer(theme)
    qtbot.addWidget(made)
    made.resize(500, 60)
    made.show()
    return made


def field_of(composer: Composer) -> QPlainTextEdit:
    return composer.findChild(QPlainTextEdit)


def button_of(composer: Composer) -> IconButton:
    return composer.findChild(IconButton)


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_enter_sends_and_empties_the_field(composer: Composer, qtbot: QtBot, key) -> None:
    qtbot.keyClicks(field_of(composer), "Hello")
    with qtbot.waitSignal(composer.sent) as blocker:
        qtbot.keyClick(field_of(composer), key)
    assert blocker.args == ["Hello"]
    assert composer.text == ""


def test_shift_enter_begins_a_line(composer: Composer, qtbot: QtBot) -> None:
    field = field_of(composer)
    qtbot.keyClicks(field, "one")
    with qtbot.assertNotEmitted(composer.sent):
        qtbot.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClicks(field, "two")
    assert composer.text == "one\ntwo"
    with qtbot.waitSignal(composer.sent) as blocker:
        qtbot.keyClick(field, Qt.Key.Key_Return)
    assert blocker.args == ["one\ntwo"]


@pytest.mark.parametrize("blank", ["", "   ", "\n\n"])
def test_blanks_are_not_sent(composer: Composer, qtbot: QtBot, blank: str) -> None:
    composer.set_text(blank)
    assert not button_of(composer).isEnabled()
    with qtbot.assertNotEmitted(composer.sent):
        qtbot.keyClick(field_of(composer), Qt.Key.Key_Return)


def test_while_replying_the_button_stops_and_the_draft_stays(
    composer: Composer, qtbot: QtBot
) -> None:
    composer.set_replying(True)
    qtbot.keyClicks(field_of(composer), "next")
    assert button_of(composer).accessibleName() == "Stop"
    with qtbot.assertNotEmitted(composer.sent):
        qtbot.keyClick(field_of(composer), Qt.Key.Key_Return)
    with qtbot.waitSignal(composer.stopped):
        button_of(composer).click()
    composer.set_replying(False)
    assert composer.text == "next"
    with qtbot.waitSignal(composer.sent):
        button_of(composer).click()


def test_without_a_model_a_draft_can_be_written_but_not_sent(
    composer: Composer, qtbot: QtBot
) -> None:
    composer.set_available(False, "Load a model to chat")
    assert field_of(composer).placeholderText() == "Load a model to chat"
    qtbot.keyClicks(field_of(composer), "draft")
    with qtbot.assertNotEmitted(composer.sent):
        qtbot.keyClick(field_of(composer), Qt.Key.Key_Return)
    assert composer.text == "draft"
    assert not button_of(composer).isEnabled()
    composer.set_available(True)
    assert button_of(composer).isEnabled()


def test_the_field_grows_to_eight_lines(composer: Composer, qtbot: QtBot) -> None:
    heights = []
    for lines in (1, 3, 8, 20):
        composer.set_text("\n".join("x" * lines))
        heights.append(field_of(composer).height())
    assert heights[0] < heights[1] < heights[2] == heights[3]
    composer.set_text("")
    assert field_of(composer).height() == heights[0]


def test_pasted_markup_stays_text(composer: Composer, qtbot: QtBot) -> None:
    composer.set_text("<b>x</b>\n\t& y")
    with qtbot.waitSignal(composer.sent) as blocker:
        qtbot.keyClick(field_of(composer), Qt.Key.Key_Return)
    assert blocker.args == ["<b>x</b>\n\t& y"]
