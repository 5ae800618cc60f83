"""What is seen while a reply streams: progress, a caret, and a way back to its end."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.core.events import EndpointListed, Ready
from app.gui.markdown.prose import ProseView
from app.gui.pages.chat.reply_progress import ReplyProgress, progress_words
from app.gui.services.engine import EngineReady
from app.gui.shell.window import MainWindow
from tests.support.engine.endpoint_server import MODEL, EndpointServer, Lines, chunk, event

REPLY_MS = 30_000


class SteppedServer:
    """Sends one line of a reply for each `step`."""

    def __init__(self) -> None:
        self._steps = threading.Semaphore(0)
        self._is_over = False
        self.server = EndpointServer(lines=self._lines)

    def step(self, count: int = 1) -> None:
        self._steps.release(count)

    def end(self) -> None:
        self._is_over = True
        self.step()

    def _lines(self) -> Lines:
        written = 0
        yield b": ready\n\n"
        while True:
            self._steps.acquire()
            if self._is_over:
                break
            written += 10
            timings = {"predicted_n": written, "predicted_per_second": 42.0}
            content = {"choices": [{"index": 0, "delta": {"content": "A line.\n\n"}}]}
            yield event(content | {"timings": timings})
        yield chunk({}, "stop")
        yield b"data: [DONE]\n\n"


@pytest.fixture
def stepped(window: MainWindow) -> Iterator[SteppedServer]:
    made = SteppedServer()
    with made.server as server:
        window._workbench.engine.connect_to(EndpointListed(server.url, "far", (MODEL,), ""), MODEL)
        yield made
        made.end()


def ask(window: MainWindow, qtbot: QtBot) -> None:
    window.chat.composer.set_text("Write lines")
    qtbot.keyClick(window.chat.composer.focusProxy(), Qt.Key.Key_Return)


def caption(window: MainWindow) -> str:
    return window.chat.messages._views[-1]._caption.whole_text


def carets(window: MainWindow) -> int:
    return sum(prose._has_caret for prose in window.chat.messages.findChildren(ProseView))


def text(window: MainWindow) -> str:
    return window.chat.messages.text_of_last()


def test_progress_is_shown_while_it_runs(
    window: MainWindow, qtbot: QtBot, stepped: SteppedServer
) -> None:
    ask(window, qtbot)
    qtbot.waitUntil(lambda: caption(window) == "Reading the prompt…", timeout=REPLY_MS)
    stepped.step(3)
    wanted = "Writing… 42 tokens/s · 30 tokens"
    qtbot.waitUntil(lambda: caption(window) == wanted, timeout=REPLY_MS)
    assert carets(window) == 1
    stepped.end()
    qtbot.waitUntil(lambda: not window.chat.session.is_replying, timeout=REPLY_MS)
    assert carets(window) == 0
    assert "first token after" in caption(window)


def test_progress_is_there_when_the_chat_is_opened_again(
    window: MainWindow, qtbot: QtBot, stepped: SteppedServer
) -> None:
    ask(window, qtbot)
    stepped.step(3)
    qtbot.waitUntil(lambda: "42" in caption(window), timeout=REPLY_MS)
    chat = window.chat.session.chat
    window.chat.start_new()
    window.chat.session.open(chat)
    assert "42" in caption(window)
    assert carets(window) == 1


def test_a_reply_waits_for_others_if_they_take_all_slots(
    window: MainWindow, qtbot: QtBot, stepped: SteppedServer
) -> None:
    window._workbench.settings.change(reply_slots=1)
    engine = window._workbench.engine
    ready = Ready(stepped.server.url, "", MODEL, "", 4096, 0, 2)
    engine._enter(EngineReady("/models/far.gguf", "far", ready))
    ask(window, qtbot)
    stepped.step(3)
    qtbot.waitUntil(lambda: "42" in caption(window), timeout=REPLY_MS)
    window.chat.start_new()
    ask(window, qtbot)
    wanted = "Waiting for the reply in another chat…"
    qtbot.waitUntil(lambda: caption(window) == wanted, timeout=REPLY_MS)
    window.chat.session.stop_all()


def test_words_of_progress() -> None:
    assert progress_words(ReplyProgress("reading", 1.0)) == "Reading the prompt…"
    assert progress_words(ReplyProgress("reading", 75.0)) == "Reading the prompt… 1 min 15 s"
    assert progress_words(ReplyProgress("writing", 75.0)) == "Writing…"
    told = progress_words(ReplyProgress("writing", 9.0, 1234, 187.6))
    assert told == "Writing… 188 tokens/s · 1,234 tokens"


def scroll_up(window: MainWindow) -> None:
    view = window.chat.messages.viewport()
    middle = QPoint(view.width() // 2, view.height() // 2)
    wheel = QWheelEvent(
        middle,
        view.mapToGlobal(middle),
        QPoint(0, 0),
        QPoint(0, 1200),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view, wheel)


def test_there_is_a_way_back_to_the_end(
    window: MainWindow, qtbot: QtBot, stepped: SteppedServer
) -> None:
    messages = window.chat.messages
    bar, button = messages.verticalScrollBar(), messages.jump_button
    ask(window, qtbot)
    stepped.step(60)
    qtbot.waitUntil(lambda: text(window).count("line") == 60, timeout=REPLY_MS)
    qtbot.waitUntil(lambda: bar.maximum() > 400 and bar.value() == bar.maximum())
    assert button.isHidden()
    scroll_up(window)
    assert button.isVisible()
    place = bar.value()
    stepped.step(5)
    qtbot.waitUntil(lambda: text(window).count("line") == 65, timeout=REPLY_MS)
    assert bar.value() == place
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert bar.value() == bar.maximum()
    assert button.isHidden()
    stepped.step(5)
    qtbot.waitUntil(lambda: text(window).count("line") == 70, timeout=REPLY_MS)
    qtbot.waitUntil(lambda: bar.value() == bar.maximum())


def test_keys_regenerate_and_copy(window: MainWindow, qtbot: QtBot, stepped: SteppedServer) -> None:
    ask(window, qtbot)
    stepped.step(1)
    qtbot.waitUntil(lambda: bool(text(window)), timeout=REPLY_MS)
    window.chat.session.stop()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(window, Qt.Key.Key_C, both)
    assert QGuiApplication.clipboard().text() == text(window)
    qtbot.keyClick(window, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    assert window.chat.session.is_replying
    window.chat.session.stop()


def test_a_scroll_bar_moves_no_message(
    window: MainWindow, qtbot: QtBot, stepped: SteppedServer
) -> None:
    messages = window.chat.messages
    bar = messages.verticalScrollBar()
    ask(window, qtbot)
    stepped.step(1)
    qtbot.waitUntil(lambda: text(window).count("line") == 1, timeout=REPLY_MS)
    assert bar.maximum() == 0
    view = messages._views[-1]
    left = view.mapTo(window, QPoint(0, 0)).x()
    stepped.step(60)
    qtbot.waitUntil(lambda: bar.maximum() > 0, timeout=REPLY_MS)
    qtbot.waitUntil(lambda: view.mapTo(window, QPoint(0, 0)).x() == left)
    width = view.width()
    assert width == messages._views[0].width()
