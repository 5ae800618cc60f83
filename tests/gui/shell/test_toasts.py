"""Notices lie over the page, move nothing, and go when they were read."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QRect, Qt
from PySide6.QtWidgets import QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.gui.shell.window import PAGES, MainWindow
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.toast_stack import ToastStack
from tests.gui.conftest import WindowMaker

LONG = "The model was trained with a context of 2,048 tokens and is loaded with that. " * 2


def place(widget: QWidget) -> QRect:
    return QRect(widget.mapTo(widget.window(), QPoint()), widget.size())


def places(page: QWidget) -> dict[QWidget, QRect]:
    return {w: place(w) for w in page.findChildren(QWidget) if w.isVisible()}


def made(window: MainWindow, kind: str, words: str = "Words.", **options: object) -> NoticeBar:
    notice = NoticeBar(window.theme, parent=window)
    notice.show_notice(kind, words, **options)  # type: ignore[arg-type]
    return notice


@pytest.mark.parametrize("width", [820, 1120, 1600])
def test_a_notice_moves_nothing(window: MainWindow, qtbot: QtBot, width: int) -> None:
    window.resize(width, 640)
    for name in PAGES:
        window.show_page(name)
        page: QWidget = getattr(window, name)
        QApplication.processEvents()
        before = places(page)
        page.notice.show_notice("error", LONG, [("retry", "Try again")])  # type: ignore[attr-defined]
        window.warnings.show_sentences(["Short.", LONG])
        QApplication.processEvents()
        assert places(page) == before
        stack = ToastStack.of(window)
        assert window.rect().contains(stack.geometry())
        feet = {"chat": window.chat.composer, "models": window.models.download_button}
        if name in feet:
            assert not place(feet[name]).intersects(place(stack))
        page.notice.hide()  # type: ignore[attr-defined]
        window.warnings.show_sentences([])


def test_a_notice_is_shown_with_its_page(window: MainWindow) -> None:
    notice = window.chat.notice
    notice.show_notice("error", "Broken.")
    assert notice.isVisible()
    window.show_page("models")
    assert not notice.isVisible()
    window.show_page("chat")
    assert notice.isVisible()


def test_at_most_three_are_shown(window: MainWindow) -> None:
    notices = [made(window, "error", str(number)) for number in range(5)]
    assert [n.isVisible() for n in notices] == [False, False, True, True, True]
    notices[4].close_button.click()
    assert [n.isVisible() for n in notices] == [False, True, True, True, False]


BUTTONS = [("convert", "Convert…")]


@pytest.mark.parametrize(
    ("kind", "options", "seconds"),
    [
        ("info", {}, 8),
        ("info", {"actions": BUTTONS}, 30),
        ("warning", {}, 30),
        ("error", {"actions": BUTTONS}, 30),
    ],
)
def test_every_notice_that_can_be_closed_goes_in_the_end(
    window: MainWindow, kind: str, options: dict[str, object], seconds: int
) -> None:
    notice = made(window, kind, **options)
    assert notice.close_button.isVisible()
    assert notice._life.isActive()
    assert notice._life.interval() == 1000 * seconds
    with_state = made(window, kind, dismissible=False, **options)
    assert not with_state._life.isActive()


def test_warnings_go_by_themselves_and_are_not_told_again(window: MainWindow, qtbot: QtBot) -> None:
    window.warn("Layers don't fit.")
    warnings = window.warnings
    assert warnings._life.interval() == 30_000
    window.chat.focus_composer()
    QApplication.sendEvent(warnings, QEvent(QEvent.Type.Leave))
    warnings._life.start(1)
    qtbot.waitUntil(lambda: not warnings.isVisible())
    window.warn("Another.")
    assert warnings.sentences == ("Another.",)


def test_what_the_user_is_in_does_not_go(window: MainWindow, qtbot: QtBot) -> None:
    brief = made(window, "info")
    staying = [made(window, "error", dismissible=False), made(window, "warning")]
    with qtbot.waitActive(window):
        window.activateWindow()
    brief.close_button.setFocus()
    brief._life.start(1)
    qtbot.waitSignal(brief._life.timeout).wait()
    assert brief.isVisible()
    window.chat.focus_composer()
    # The pointer may happen to lie there.
    QApplication.sendEvent(brief, QEvent(QEvent.Type.Leave))
    qtbot.waitUntil(lambda: not brief.isVisible())
    assert all(notice.isVisible() for notice in staying)


def test_a_muted_notice_does_not_return(make_window: WindowMaker) -> None:
    window = make_window()
    window.warn("Layers don't fit.")
    assert window.warnings.isVisible()
    window.warnings.mute_button.click()
    assert not window.warnings.isVisible()
    window.close()
    later = make_window()
    later.warn("Layers don't fit.")
    assert not later.warnings.isVisible()
    later.warn("Another.")
    assert later.warnings.sentences == ("Another.",)


def test_the_keyboard_reaches_a_notice_and_leaves_it(window: MainWindow, qtbot: QtBot) -> None:
    with qtbot.waitActive(window):
        window.activateWindow()
    window.chat.focus_composer()
    composer = QApplication.focusWidget()
    notice = made(window, "error", actions=[("retry", "Try again")])
    qtbot.keyClick(window, Qt.Key.Key_F6)
    assert notice.hasFocus()
    qtbot.keyClick(notice, Qt.Key.Key_Tab)
    focus = QApplication.focusWidget()
    assert isinstance(focus, QPushButton)
    assert focus.text() == "Try again"
    qtbot.keyClick(focus, Qt.Key.Key_Escape)
    assert not notice.isVisible()
    assert QApplication.focusWidget() is composer
