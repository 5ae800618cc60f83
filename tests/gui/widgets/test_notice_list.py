"""Warnings: each once, on one line, the whole in the tool tip, and none out of reach."""

from __future__ import annotations

import html

import pytest
from PySide6.QtWidgets import QApplication, QPlainTextEdit
from pytestqt.qtbot import QtBot

from app.gui.theme.theme import Theme
from app.gui.widgets.notice_list import NoticeList
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.text_dialog import TextDialog


@pytest.fixture
def notices(theme: Theme, qtbot: QtBot) -> NoticeList:
    made = NoticeList(theme)
    qtbot.addWidget(made)
    made.resize(300, 60)
    return made


def lines(notices: NoticeList) -> list[PlainLabel]:
    return [one for one in notices.findChildren(PlainLabel) if one.isVisible() and one.whole_text]


def test_each_is_shown_once(notices: NoticeList) -> None:
    assert notices.isHidden()
    notices.show_sentences(["One.", "Two.", "One."])
    assert notices.isVisible()
    assert [line.whole_text for line in lines(notices)] == ["One.", "Two."]
    notices.show_sentences([])
    assert notices.isHidden()


def test_a_long_one_takes_one_line_and_is_whole_in_the_tool_tip(
    notices: NoticeList, qtbot: QtBot
) -> None:
    long = "A <b>rope</b> type that is not known, " * 20
    notices.show_sentences([long])
    (line,) = lines(notices)
    qtbot.waitUntil(lambda: line.text().endswith("…"))
    assert line.sizeHint().height() < 2 * line.fontMetrics().height()
    assert html.escape(long) in line.toolTip()
    assert html.escape(long) in notices.toolTip()


def test_many_are_shortened_and_can_all_be_read(notices: NoticeList) -> None:
    sentences = [f"Token {number} is lost." for number in range(40)]
    notices.show_sentences(sentences)
    assert [line.whole_text for line in lines(notices)] == sentences[:4]
    assert notices.all_button.text() == "Show all 40"
    notices.all_button.click()
    dialog = next(w for w in QApplication.topLevelWidgets() if isinstance(w, TextDialog))
    assert dialog.findChild(QPlainTextEdit).toPlainText().split("\n\n") == sentences
    dialog.accept()


def test_what_is_dismissed_stays_away_until_there_are_none(notices: NoticeList) -> None:
    notices.show_sentences(["One."])
    notices._close.click()
    assert notices.isHidden()
    notices.show_sentences(["One.", "Two."])
    assert notices.sentences == ("Two.",)
    notices.show_sentences([])
    notices.show_sentences(["One."])
    assert notices.sentences == ("One.",)
