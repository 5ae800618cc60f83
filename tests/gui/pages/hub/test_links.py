"""Links of other programs open the page of a repository; nothing is fetched without a click."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from app.core.errors import ErrorCode
from app.core.sentences import describe_error
from app.gui.shell.window import MainWindow
from tests.support.hub.local_hub import LocalHub

SOON_MS = 30_000


def test_a_link_opens_the_page_and_fetches_nothing(
    window: MainWindow, hub: LocalHub, qtbot: QtBot
) -> None:
    window.open_from_later_start(["gristmill://acme/grain-1b"])
    view = window.hub.repository
    qtbot.waitUntil(lambda: view._stack.currentIndex() == 1, timeout=SOON_MS)
    assert view.isVisible()
    assert view.header.facts.whole_text.startswith("Chat model")
    assert not window._workbench.tasks.open_tasks
    assert hub.sent_bytes(".safetensors") == 0


def test_a_link_to_nowhere_is_said(window: MainWindow) -> None:
    window.open_from_later_start(["gristmill://../../etc"])
    sentence = describe_error(ErrorCode.REPOSITORY_NAME, {"text": "gristmill://../../etc"})
    assert window.notice.text == sentence
