"""Text is shown literally, and names of models are text."""

from __future__ import annotations

import math

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QTextDocument
from PySide6.QtWidgets import QHBoxLayout, QToolTip, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE
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
    for text in (f"{HOSTILE} & more", f"{HOSTILE} & more " * 9):
        document.setHtml(plain_tool_tip(text))
        assert unbroken(document.toPlainText()).strip("\n") == text
    assert plain_tool_tip("") == ""


def test_a_tool_tip_is_as_wide_as_its_words_up_to_a_limit(theme: Theme) -> None:
    document = QTextDocument()
    document.setDefaultFont(QToolTip.font())
    document.setHtml(plain_tool_tip("Unload the model"))
    document.setTextWidth(40)
    assert document.idealWidth() > 80
    assert document.begin().layout().lineCount() == 1
    document.setHtml(plain_tool_tip("The weights take most of the memory of this machine. " * 9))
    document.setTextWidth(10)
    assert SIZE.tool_tip <= document.idealWidth() <= SIZE.tool_tip + 20


def test_a_tool_tip_breaks_no_figure(theme: Theme) -> None:
    document = QTextDocument()
    document.setHtml(plain_tool_tip("memory in use: 7.94 GB of 25.28 GB. " * 9))
    assert document.toRawText().count("7.94\u00a0GB of 25.28\u00a0GB") == 9


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
    assert sizes == [12, 14, 16, 18, 24]


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


def test_the_lines_of_a_caption_have_room_between_them(theme: Theme, qtbot: QtBot) -> None:
    words = "Number of tokens of the conversation that the model sees. " * 4
    label = PlainLabel(words, "caption", wrap=True)
    qtbot.addWidget(label)
    lines = math.ceil(label.heightForWidth(300) / label.fontMetrics().lineSpacing())
    assert lines > 3
    assert label.heightForWidth(300) >= 4 * 1.4 * label.font().pixelSize()
    assert label.heightForWidth(100_000) == math.ceil(1.4 * label.font().pixelSize())


def test_a_caption_has_room_for_its_lines_in_a_layout(theme: Theme, qtbot: QtBot) -> None:
    page = QWidget()
    qtbot.addWidget(page)
    column = QVBoxLayout(page)
    labels = [PlainLabel("Many words in one paragraph. " * 5, "caption", wrap=True) for _ in "ab"]
    for label in labels:
        column.addWidget(label)
    column.addStretch(1)
    page.resize(240, 400)
    page.show()
    qtbot.waitExposed(page)
    assert [label.height() for label in labels] == [
        label.heightForWidth(label.width()) for label in labels
    ]


@pytest.mark.parametrize("tone", ["plain", "danger", "warning"])
def test_a_caption_has_its_color(theme: Theme, qtbot: QtBot, tone) -> None:
    label = PlainLabel("▇▇▇▇", "caption", wrap=True)
    label.set_tone(tone)
    qtbot.addWidget(label)
    label.resize(60, 20)
    label.show()
    image = label.grab().toImage()
    colors = theme.colors
    wanted = {"plain": colors.muted, "danger": colors.danger, "warning": colors.warning}[tone]
    shown = {
        image.pixelColor(x, y).name().upper()
        for x in range(image.width())
        for y in range(image.height())
    }
    assert wanted in shown
    label.setEnabled(False)
    image = label.grab().toImage()
    assert image.pixelColor(10, 10).name().upper() != wanted
