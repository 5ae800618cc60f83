"""Text is shown literally, and names of models are text."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QTextDocument
from PySide6.QtWidgets import QHBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.gui.theme.theme import Theme
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.plain_text import plain_tool_tip, unbroken

HOSTILE = "<img src=file:///etc/passwd><h1>name</h1>"


def test_markup_in_a_name_is_shown_literally(theme: Theme, qtbot: QtBot) -> None:
    label = PlainLabel(HOSTILE)
    plain = PlainLabel("x" * len(HOSTILE))
    qtbot.addWidget(label)
    qtbot.addWidget(plain)
    assert label.textFormat() == Qt.TextFormat.PlainText
    assert label.text() == HOSTILE
    assert label.sizeHint().height() == plain.sizeHint().height()


def test_a_tool_tip_says_literally_what_it_is_given(theme: Theme) -> None:
    document = QTextDocument()
    document.setHtml(plain_tool_tip(f"{HOSTILE} & more"))
    assert unbroken(document.toPlainText()) == f"{HOSTILE} & more"
    assert plain_tool_tip("") == ""


@pytest.mark.parametrize("width", [40, 100, 200])
def test_an_eliding_label_ends_in_an_ellipsis_and_keeps_the_whole(
    theme: Theme, qtbot: QtBot, width: int
) -> None:
    name = "a very long model name that does not fit into any of these widths"
    label = PlainLabel(name, elide=True)
    qtbot.addWidget(label)
    label.resize(width, 20)
    label.show()
    assert label.text().endswith("…")
    assert label.fontMetrics().horizontalAdvance(label.text()) <= width
    assert label.whole_text == label.accessibleName() == name
    assert name in label.toolTip()
    label.resize(2000, 20)
    assert label.text() == name
    assert label.toolTip() == ""


def test_a_long_word_breaks_and_is_copied_whole(theme: Theme, qtbot: QtBot) -> None:
    path = "/home/ada/" + "models_of_many_words/" * 4 + "a" * 90 + ".gguf"
    label = PlainLabel(f"There is no {path}.", wrap=True, selectable=True)
    qtbot.addWidget(label)
    assert label.minimumSizeHint().width() < 300
    assert label.accessibleName() == f"There is no {path}."
    label.setSelection(0, len(label.text()))
    qtbot.keyClick(label, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == f"There is no {path}."


def test_roles_have_the_sizes_of_the_scale(theme: Theme) -> None:
    roles = ("caption", "body", "heading", "title", "display")
    sizes = [PlainLabel("x", role).font().pixelSize() for role in roles]
    assert sizes == [12, 13, 15, 18, 24]


def test_a_label_with_room_shows_its_whole_text(theme: Theme, qtbot: QtBot) -> None:
    page = QWidget()
    qtbot.addWidget(page)
    row = QHBoxLayout(page)
    label = PlainLabel("", "caption", elide=True)
    row.addWidget(label)
    row.addStretch(1)
    page.resize(700, 40)
    page.show()
    text = "SmolLM2-135M-Instruct · 1.4 tokens/s · 137 tokens · 7.58 s to the first"
    for end in range(10, len(text)):
        label.set_text(text[:end])
        qtbot.waitUntil(lambda: label.text() == label.whole_text)
