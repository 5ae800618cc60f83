"""Distances on the page: less within a turn than between turns, and the composer below."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QAbstractButton, QWidget
from pytestqt.qtbot import QtBot

from app.gui.pages.chat.bubble import Bubble
from app.gui.pages.chat.message_view import MessageView
from app.gui.shell.window import MainWindow


def begin_chat(window: MainWindow, turns: int) -> None:
    chats = window._workbench.chats
    chat = chats.create_chat("tiny")
    parent = None
    for _ in range(turns):
        asked = chats.add_message(chat.id, parent, "user", "Why?")
        parent = chats.add_message(chat.id, asked.id, "assistant", "So.", model="tiny").id
        chats.finish_message(parent, "complete", tokens=1)
    window.chat.session.open(chat)


def span(widget: QWidget, window: MainWindow) -> tuple[int, int]:
    left = widget.mapTo(window, QPoint(0, 0)).x()
    return left, left + widget.width()


@pytest.mark.parametrize("width", [820, 1120, 1600])
@pytest.mark.parametrize("turns", [1, 20], ids=["short", "scrolling"])
def test_the_composer_is_below_the_messages(
    window: MainWindow, qtbot: QtBot, width: int, turns: int
) -> None:
    window.resize(width, 700)
    begin_chat(window, turns)
    view = window.chat.messages.findChild(MessageView)
    composer = window.chat.composer
    qtbot.waitUntil(lambda: span(view, window) == span(composer, window), timeout=2_000)


def test_turns_are_further_apart_than_a_question_and_its_answer(
    window: MainWindow, qtbot: QtBot
) -> None:
    begin_chat(window, 2)
    first, reply, second = window.chat.messages.findChildren(MessageView)[:3]
    contents = [first.findChild(Bubble), reply._content, second.findChild(Bubble)]
    qtbot.waitUntil(lambda: reply.y() > 0 and second.y() > 0)
    assert reply.y() + contents[1].y() - (first.y() + first.height()) == 16
    assert second.y() + contents[2].y() - (reply.y() + reply.height()) == 32


def test_a_paste_that_is_unfolded_stays_where_it_was_read(window: MainWindow, qtbot: QtBot) -> None:
    chats = window._workbench.chats
    chat = chats.create_chat("tiny")
    chats.add_message(chat.id, None, "user", "line\n" * 2_000)
    window.chat.session.open(chat)
    messages = window.chat.messages
    unfold = next(
        button
        for button in messages.findChildren(QAbstractButton)
        if button.accessibleName() == "Show all"
    )
    bar = messages.verticalScrollBar()
    before = bar.value()
    unfold.click()
    qtbot.waitUntil(lambda: bar.maximum() > 10_000)
    assert bar.value() == before
