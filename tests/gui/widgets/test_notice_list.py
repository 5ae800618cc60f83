"""Warnings: each once, readable in place, and none out of reach."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication, QPlainTextEdit
from pytestqt.qtbot import QtBot

from app.gui.theme.theme import Theme
from app.gui.widgets.notice_list import NoticeList
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.text_dialog import TextDialog


@pytest.fixture
def notices(theme: Theme, qtbot: QtBot) -> NoticeList:
    made = NoticeList(theme, can_mute=True)
    qtbot.addWidget(made)
    made.resize(400, 60)
    return made


def lines(notices: NoticeList) -> list[PlainLabel]:
    return [one for one in notices.findChildren(PlainLabel) if one.isVisible() and one.whole_text]


def all_of_them(notices: NoticeList) -> list[str]:
    """What the dialog with all warnings says."""
    notices.all_button.click()
    dialog = next(w for w in QApplication.topLevelWidgets() if isinstance(w, TextDialog))
    text = dialog.findChild(QPlainTextEdit).toPlainText()
    dialog.accept()
    dialog.deleteLater()
    return text.split("\n\n")


def test_each_is_shown_once(notices: NoticeList) -> None:
    assert notices.isHidden()
    notices.show_sentences(["One.", "Two.", "One."])
    assert notices.isVisible()
    assert [line.whole_text for line in lines(notices)] == ["One.", "Two."]
    assert notices.all_button.isHidden()
    notices.show_sentences([])
    assert notices.isHidden()


def test_a_long_one_is_shortened_and_can_be_read(notices: NoticeList) -> None:
    long = "A <b>rope</b> type that is not known, " * 20
    notices.show_sentences([long])
    (line,) = lines(notices)
    assert line.text().startswith("A <b>rope</b> type")
    assert line.text().endswith("…")
    assert len(line.text()) < len(long) / 2
    assert all_of_them(notices) == [long]


def test_many_are_shortened_and_can_all_be_read(notices: NoticeList) -> None:
    sentences = [f"Token {number} is lost." for number in range(1040)]
    notices.show_sentences(sentences)
    assert [line.whole_text for line in lines(notices)] == sentences[:3]
    assert notices.all_button.text() == "Show all 1,040"
    assert all_of_them(notices) == sentences


def test_what_is_dismissed_stays_away_until_there_are_none(notices: NoticeList) -> None:
    notices.show_sentences(["One."])
    notices.close_button.click()
    assert notices.isHidden()
    notices.show_sentences(["One.", "Two."])
    assert notices.sentences == ("Two.",)
    notices.show_sentences([])
    notices.show_sentences(["One."])
    assert notices.sentences == ("One.",)


def test_what_returns_can_be_muted(notices: NoticeList, qtbot: QtBot) -> None:
    notices.show_sentences(["One.", "Two."])
    with qtbot.waitSignal(notices.muted) as blocker:
        notices.mute_button.click()
    assert blocker.args == [("One.", "Two.")]
    assert notices.isHidden()
