"""Everything in the conversation can be seen at every width of the window."""

from __future__ import annotations

from itertools import pairwise

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.gui.markdown.code import CodeBlock
from app.gui.pages.chat.message_view import MessageView
from app.gui.shell.window import MainWindow

_ROW = "|" + "some words|" * 30
_REPLY = f"""Words. {"word " * 60}

```python
{"x = 1; " * 200}
```

{_ROW}
|{"---|" * 30}
{_ROW}
"""


@pytest.mark.parametrize("width", [820, 1000, 1120, 1600])
@pytest.mark.parametrize("name", ["SmolLM2-135M-Instruct", "model-" * 20])
def test_nothing_lies_outside_the_page(
    window: MainWindow, qtbot: QtBot, width: int, name: str
) -> None:
    chats = window._workbench.chats
    chat = chats.create_chat(name)
    asked = chats.add_message(chat.id, None, "user", "why " * 200)
    reply = chats.add_message(chat.id, asked.id, "assistant", _REPLY, model=name)
    chats.finish_message(reply.id, "stopped", tokens=9999, seconds_to_first_token=2.5)
    window.resize(width, 700)
    window.chat.session.open(chat)
    messages = window.chat.messages
    shown = messages.viewport()
    # The layout of a new width takes several turns.
    qtbot.waitUntil(lambda: not _outside(messages.widget(), shown), timeout=2_000)
    assert messages.findChildren(CodeBlock)


@pytest.mark.parametrize("shown", ["list", "panel"])
def test_header_and_panel_fit_into_the_narrowest_window(
    window: MainWindow, qtbot: QtBot, shown: str
) -> None:
    chat = window.chat
    window.resize(820, 560)
    qtbot.waitUntil(chat.chat_list.isHidden)
    if shown == "list":
        chat.columns.toggle_list()
    else:
        chat.header.settings_button.click()

    def overlapping() -> list[QWidget]:
        parts = [chat.header.new_button] if shown == "panel" else []
        parts += [chat.header.title, chat.picker, chat.header.share_button]
        parts += [chat.header.settings_button]
        edges = [(one.x(), one.x() + one.width()) for one in parts]
        fits = all(end <= begin for (_, end), (begin, _) in pairwise(edges))
        inside = edges[-1][1] <= chat.header.width()
        rows = [row for row in chat.panel.numbers.values() if shown == "panel"]
        wide = [row for row in rows if row.width() > row.parentWidget().parentWidget().width()]
        return wide if fits and inside else [*parts, *wide]

    qtbot.waitUntil(lambda: not overlapping(), timeout=2_000)
    assert chat.header.mapTo(window, QPoint(chat.header.width(), 0)).x() <= window.width()


def _outside(column: QWidget, shown: QWidget) -> list[QWidget]:
    views = column.findChildren(MessageView)
    parts = [one for view in views for one in (view, *view.findChildren(QWidget))]
    return [one for one in parts if one.isVisibleTo(column) and not _fits(one, shown)]


def _fits(part: QWidget, shown: QWidget) -> bool:
    parent = part.parentWidget()
    # What a scrolling part contains may be wider than the part.
    if parent.objectName() == "qt_scrollarea_viewport" and parent is not shown:
        return True
    left = part.mapTo(shown, QPoint(0, 0)).x()
    return left >= 0 and left + part.width() <= shown.width()


def test_the_list_takes_the_room_of_the_settings(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(820, 700)
    chat = window.chat
    qtbot.waitUntil(chat.chat_list.isHidden)
    chat.header.settings_button.setChecked(True)
    assert chat.panel.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    assert chat.chat_list.isVisible()
    assert not chat.panel.isVisible()
    chat.header.settings_button.setChecked(True)
    assert not chat.chat_list.isVisible()
