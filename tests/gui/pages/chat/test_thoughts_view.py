"""Thoughts are shown while they come, folded when the model speaks, and open when wanted."""

from __future__ import annotations

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.gui.pages.chat.message_view import MessageView
from app.gui.pages.chat.thoughts_view import ThoughtsView
from app.gui.theme.theme import Theme


def made(theme: Theme, qtbot: QtBot) -> tuple[MessageView, ThoughtsView]:
    message = MessageView(theme, "assistant")
    qtbot.addWidget(message)
    message.resize(700, 200)
    message.show()
    return message, message.findChild(ThoughtsView)


def test_a_reply_without_thoughts_shows_nothing_of_them(theme: Theme, qtbot: QtBot) -> None:
    message, thoughts = made(theme, qtbot)
    message.append("Paris")
    message.set_thoughts("")
    assert not thoughts.isVisible()


def test_they_fold_when_the_model_speaks(theme: Theme, qtbot: QtBot) -> None:
    message, thoughts = made(theme, qtbot)
    message.append_thoughts("Which city ")
    message.append_thoughts("is meant?")
    assert thoughts.isVisible()
    assert thoughts.is_open
    assert thoughts.button.text() == "Thinking…"
    message.append("Paris")
    assert not thoughts.is_open
    assert thoughts.button.text() == "Thoughts"
    assert thoughts.content.text == "Which city is meant?"
    assert message.text == "Paris"


def test_a_person_decides_whether_they_are_shown(theme: Theme, qtbot: QtBot) -> None:
    message, thoughts = made(theme, qtbot)
    message.append_thoughts("Which city ")
    qtbot.mouseClick(thoughts.button, Qt.MouseButton.LeftButton)
    message.append_thoughts("is meant?")
    assert not thoughts.is_open
    qtbot.mouseClick(thoughts.button, Qt.MouseButton.LeftButton)
    message.append("Paris")
    message.set_thoughts("Which city is meant?")
    assert thoughts.is_open
    assert thoughts.content.isVisible()


def test_those_of_an_old_message_are_folded(theme: Theme, qtbot: QtBot) -> None:
    message, thoughts = made(theme, qtbot)
    message.set_thoughts("Which city is meant?")
    assert thoughts.isVisible()
    assert not thoughts.is_open
