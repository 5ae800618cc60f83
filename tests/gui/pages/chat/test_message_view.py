"""One message: what was written, how it ended, and what can be done with it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QEnterEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QApplication,
    QFrame,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.gui.markdown.prose import ProseView
from app.gui.pages.chat.message_actions import MessageActions
from app.gui.pages.chat.message_view import MessageView
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.copy_button import CopyIconButton
from app.gui.widgets.plain_label import PlainLabel


def made(theme: Theme, qtbot: QtBot, role: str) -> MessageView:
    message = MessageView(theme, role)
    qtbot.addWidget(message)
    message.resize(700, 200)
    message.show()
    return message


def copy_button_of(message: MessageView) -> CopyIconButton:
    buttons = message.findChildren(CopyIconButton)
    return next(b for b in buttons if b.accessibleName() == "Copy message")


def button_named(widget: QWidget, words: str) -> QAbstractButton:
    return next(b for b in widget.findChildren(QAbstractButton) if b.accessibleName() == words)


def shown_words(message: MessageView) -> list[str]:
    return [one.whole_text for one in message.findChildren(PlainLabel) if one.isVisible()]


def test_what_a_person_wrote_is_shown_as_it_is(theme: Theme, qtbot: QtBot) -> None:
    text = "# no heading\n    <b>indented</b>\n\n* a"
    message = made(theme, qtbot, "user")
    message.set_text(text)
    assert message.findChild(ProseView).toPlainText() == text
    assert message.text == text


def test_a_short_question_has_a_small_bubble_and_a_long_one_wraps(
    theme: Theme, qtbot: QtBot
) -> None:
    message = made(theme, qtbot, "user")
    message.set_text("Hi")
    prose = message.findChild(ProseView)
    qtbot.waitUntil(lambda: 0 < prose.width() < 100)
    message.set_text("many words " * 100)
    qtbot.waitUntil(lambda: 500 < prose.width() <= 700)
    assert prose.height() > 100
    assert prose.geometry().right() <= prose.parentWidget().width()


@pytest.mark.parametrize("text", ["line\n" * 200, "x" * 5_000], ids=["lines", "characters"])
def test_a_long_paste_is_folded(theme: Theme, qtbot: QtBot, text: str) -> None:
    message = made(theme, qtbot, "user")
    message.set_text(text)
    prose = message.findChild(ProseView)
    assert prose.toPlainText().count("\n") < 16
    assert len(prose.toPlainText()) < 1_600
    button_named(message, "Show all").click()
    # Endless lines are broken.
    assert prose.toPlainText().replace("x\nx", "xx") == text
    button_named(message, "Show less").click()
    assert len(prose.toPlainText()) < 1_600


def test_a_short_message_has_nothing_to_unfold(theme: Theme, qtbot: QtBot) -> None:
    message = made(theme, qtbot, "user")
    message.set_text("line\n" * 10)
    assert not button_named(message, "Show all").isVisible()


def test_a_huge_paste_is_shortened_on_the_screen_only(theme: Theme, qtbot: QtBot) -> None:
    message = made(theme, qtbot, "user")
    message.set_text("x" * 1_000_000)
    assert "998,800 more characters" in shown_words(message)
    button_named(message, "Show all").click()
    assert len(message.findChild(ProseView).toPlainText()) < 250_000
    assert "800,000 more characters; Copy includes them" in shown_words(message)
    copy_button_of(message).click()
    assert QGuiApplication.clipboard().text() == "x" * 1_000_000


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_copy_gives_the_exact_message(theme: Theme, qtbot: QtBot, role: str) -> None:
    text = "**bold** <i>x</i>\n\n```\n\u202e\n```\n  end "
    message = made(theme, qtbot, role)
    message.set_text(text)
    with qtbot.waitSignal(message.copied):
        copy_button_of(message).click()
    assert QGuiApplication.clipboard().text() == text


def test_a_reply_grows(theme: Theme, qtbot: QtBot) -> None:
    message = made(theme, qtbot, "assistant")
    for piece in ("Take **Q4", "_K_M**", " now."):
        message.append(piece)
    assert message.text == "Take **Q4_K_M** now."
    qtbot.waitUntil(lambda: message.findChild(ProseView).toPlainText() == "Take Q4_K_M now.")


def test_a_failed_reply_says_why_and_can_be_retried(theme: Theme, qtbot: QtBot) -> None:
    message = made(theme, qtbot, "assistant")
    message.set_can_regenerate(True)
    retry = button_named(message, "Retry")
    assert not retry.isVisible()
    message.set_state("failed", "The engine <b>stopped</b>.")
    assert retry.isVisible()
    words = [label.text() for label in message.findChildren(PlainLabel) if label.isVisible()]
    assert "The engine <b>stopped</b>." in words
    with qtbot.waitSignal(message.regenerated):
        retry.click()
    message.set_state("whole")
    assert not retry.isVisible()


def test_buttons_are_seen_on_hover_and_on_focus(theme: Theme, qtbot: QtBot) -> None:
    message = made(theme, qtbot, "assistant")
    message.set_text("Hi")
    message.set_can_regenerate(True)
    actions = message.findChild(MessageActions)
    place = QPointF(5, 5)
    # The pointer may lie over the new window already.
    QApplication.sendEvent(message, QEvent(QEvent.Type.Leave))
    assert not actions.are_visible
    QApplication.sendEvent(message, QEnterEvent(place, place, place))
    assert actions.are_visible
    QApplication.sendEvent(message, QEvent(QEvent.Type.Leave))
    assert not actions.are_visible
    message.activateWindow()
    regenerate = button_named(message, "Regenerate")
    regenerate.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(regenerate.hasFocus)
    assert actions.are_visible
    with qtbot.waitSignal(message.regenerated):
        qtbot.keyClick(regenerate, Qt.Key.Key_Space)
    QApplication.sendEvent(message, QEvent(QEvent.Type.Leave))
    assert actions.are_visible
    regenerate.clearFocus()
    assert not actions.are_visible


def test_only_offered_replies_can_be_regenerated(theme: Theme, qtbot: QtBot) -> None:
    message = made(theme, qtbot, "assistant")
    assert not button_named(message, "Regenerate").isVisible()
    message.set_can_regenerate(True)
    assert button_named(message, "Regenerate").isVisible()


def test_a_list_of_messages_is_as_high_as_its_text(theme: Theme, qtbot: QtBot) -> None:
    page = QWidget()
    qtbot.addWidget(page)
    column = QVBoxLayout(page)
    message = MessageView(theme, "assistant")
    column.addWidget(message)
    column.addStretch()
    page.resize(600, 400)
    page.show()
    message.set_text("word " * 1000)
    prose = message.findChild(ProseView)
    qtbot.waitUntil(lambda: prose.height() >= prose.document().size().height() > 400)


@pytest.mark.parametrize("length", [5, 22, 66, 120])
def test_nothing_in_a_reply_makes_it_wider_than_the_page(
    theme: Theme, qtbot: QtBot, length: int
) -> None:
    message = made(theme, qtbot, "assistant")
    caption = f"{'m' * length} · 12.3 tokens/s · 100 tokens · first token after 0.5 s"
    message.set_caption(caption)
    message.set_can_regenerate(True)
    message.set_state("stopped", "Stopped. " * 50)
    wide = "x" * 500
    message.set_text(
        f"```{wide}\n\u202e{wide}\n```\n|{wide}|\n|---|\n|{wide}|\n\n`{wide}` ${wide}$"
    )
    assert message.minimumSizeHint().width() <= 320
    message.resize(200, 900)
    shown = next(one for one in message.findChildren(PlainLabel) if one.whole_text == caption)
    qtbot.waitUntil(lambda: shown.text().endswith("…"))
    assert "first token after <nobr>0.5 s</nobr>" in shown.toolTip()


def test_a_caption_elides_the_name_and_not_the_speed(theme: Theme, qtbot: QtBot) -> None:
    message = made(theme, qtbot, "assistant")
    name, figures = "A-Model-With-A-Long-Name-" * 8, "12.3 tokens/s · 100 tokens"
    message.set_caption(figures, name)
    whole = f"{name} · {figures}"
    caption = next(one for one in message.findChildren(PlainLabel) if one.whole_text == whole)
    message.resize(500, 300)
    qtbot.waitUntil(lambda: caption.text().endswith(f"… · {figures}"))
    assert caption.text().startswith("A-Model")
    assert caption.fontMetrics().horizontalAdvance(caption.text()) <= caption.width()
    message.resize(4_000, 300)
    qtbot.waitUntil(lambda: caption.text() == whole)
    message.resize(100, 300)
    qtbot.waitUntil(lambda: caption.text().startswith("· 12"))


@pytest.mark.parametrize(
    "text",
    [f"```\n{'wide ' * 99}\n```", f"{'|some words' * 40}\n{'|---' * 40}"],
    ids=["code", "table"],
)
def test_the_wheel_over_a_horizontal_scroll_bar_scrolls_the_page(
    theme: Theme, qtbot: QtBot, text: str
) -> None:
    page, inner = QScrollArea(), QWidget()
    qtbot.addWidget(page)
    message = MessageView(theme, "assistant")
    message.set_text(text)
    column = QVBoxLayout(inner)
    column.addWidget(message)
    column.addSpacing(2_000)
    page.setWidgetResizable(True)
    page.setWidget(inner)
    page.resize(500, 300)
    page.show()
    areas = message.findChildren(QAbstractScrollArea)
    bars = [area.horizontalScrollBar() for area in areas]
    qtbot.waitUntil(lambda: any(bar.isVisible() for bar in bars))
    (bar,) = (one for one in bars if one.isVisible())
    before = bar.value()
    middle = QPointF(bar.mapTo(page, bar.rect().center()))
    QTest.wheelEvent(page.windowHandle(), middle, QPoint(0, -120))
    qtbot.waitUntil(lambda: page.verticalScrollBar().value() > 0)
    assert bar.value() == before


def test_the_words_of_a_table_stay_whole(theme: Theme, qtbot: QtBot) -> None:
    message = made(theme, qtbot, "assistant")
    row = "|" + "quantization|" * 8
    message.set_text(f"{row}\n|{'---|' * 8}\n{row}")
    prose = message.findChild(ProseView)
    bar = prose.horizontalScrollBar()
    for width, scrolls in ((320, True), (1_600, False), (500, True)):
        message.resize(width, 300)
        qtbot.waitUntil(lambda scrolls=scrolls: bar.isVisible() == scrolls)
        block = prose.document().begin()
        while block.isValid():
            assert block.layout().lineCount() <= 1, block.text()
            block = block.next()


def test_a_table_that_fits_has_no_scroll_bar(theme: Theme, qtbot: QtBot) -> None:
    message = made(theme, qtbot, "assistant")
    row = "|" + "some words|" * 8
    message.set_text(f"{row}\n|{'---|' * 8}\n{row}")
    prose = message.findChild(ProseView)
    for width in range(644, 700, 8):
        message.resize(width, 300)
        qtbot.waitUntil(lambda width=width: prose.width() == width)
        assert not prose.horizontalScrollBar().isVisible(), width


def test_a_table_that_is_too_wide_scrolls_by_itself(theme: Theme, qtbot: QtBot) -> None:
    message = made(theme, qtbot, "assistant")
    row = "|" + "some words|" * 40
    message.set_text(f"{row}\n|{'---|' * 40}\n{row}")
    prose = message.findChild(ProseView)
    bar = prose.horizontalScrollBar()
    qtbot.waitUntil(bar.isVisible)
    assert prose.width() <= message.width()
    assert bar.maximum() >= prose.document().size().width() - prose.width()
    assert prose.viewport().height() >= prose.document().size().height()
    message.set_text("short")
    qtbot.waitUntil(lambda: not message.findChild(ProseView).horizontalScrollBar().isVisible())


@pytest.mark.parametrize("state", ["whole", "stopped", "failed"])
def test_another_reply_is_offered_once(theme: Theme, qtbot: QtBot, state: str) -> None:
    message = made(theme, qtbot, "assistant")
    message.set_state(state, "Stopped.")
    names = ("Retry", "Regenerate")
    assert not any(button_named(message, name).isVisible() for name in names)
    message.set_can_regenerate(True)
    assert sum(button_named(message, name).isVisible() for name in names) == 1


def inked_rows(frame: QFrame) -> tuple[int, int, int]:
    """The first and last row with a letter, and the height."""
    image = frame.grab().toImage()
    ground = image.pixel(image.width() // 2, 2)
    margin = SPACING.medium
    rows = [
        row
        for row in range(2, image.height() - 2)
        if any(image.pixel(x, row) != ground for x in range(margin, image.width() - margin))
    ]
    return (rows[0], rows[-1], image.height()) if rows else (0, 0, 0)


def test_the_text_is_in_the_middle_of_its_bubble(theme: Theme, qtbot: QtBot) -> None:
    message = made(theme, qtbot, "user")
    message.set_text("Hxb")
    frame = next(one for one in message.findChildren(QFrame) if one.property("role") == "bubble")
    qtbot.waitUntil(lambda: inked_rows(frame)[2] > 0)
    first, last, height = inked_rows(frame)
    assert abs(first - (height - 1 - last)) <= 2
