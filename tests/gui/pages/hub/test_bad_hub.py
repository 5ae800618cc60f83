"""A Hub that is slow, silent, gone or talks nonsense: a sentence, and a window that goes on."""

from __future__ import annotations

import os

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.core import paths
from app.gui.children.child import Child
from app.gui.pages.hub.page import HubBrowsingPage
from app.gui.shell.window import MainWindow
from app.gui.widgets.plain_label import PlainLabel
from tests.gui.pages.hub.event_loop import LongestGap
from tests.support.hub.local_hub import LocalHub

SOON_MS = 30_000
LONGEST_GAP = 1.0
"""In seconds; a busy machine stops all processes for a while, and the slow Hub takes twice that."""


def sentence_of(page: HubBrowsingPage) -> str:
    texts = page.search.state.findChildren(PlainLabel)
    return " ".join(label.whole_text for label in texts if label.isVisible())


def has_failed(page: HubBrowsingPage) -> bool:
    return "No answer from the Hub" in sentence_of(page)


@pytest.mark.parametrize("fault", ["slow", "silent", "nonsense"])
def test_the_event_loop_goes_on(
    window: MainWindow, hub: LocalHub, qtbot: QtBot, fault: str
) -> None:
    hub.faults.api_seconds = 2.0 if fault == "slow" else 0.0
    hub.faults.silent_api = fault == "silent"
    hub.faults.garbled_api = "<html>no JSON" * 50_000 if fault == "nonsense" else ""
    window.show_page("hub")
    page = window.hub
    page.search.state._slow.setInterval(500)
    qtbot.waitUntil(lambda: bool(page.search._asked), timeout=SOON_MS)
    with LongestGap() as gap:
        if fault == "slow":
            qtbot.waitUntil(lambda: "The Hub is slow…" in sentence_of(page), timeout=SOON_MS)
            qtbot.waitUntil(page.search.table.isVisible, timeout=SOON_MS)
        elif fault == "silent":
            qtbot.waitUntil(lambda: "The Hub is slow…" in sentence_of(page), timeout=SOON_MS)
            qtbot.keyClicks(page.search.field, "grain")
            window.show_page("models")
            window.show_page("hub")
        else:
            qtbot.waitUntil(lambda: has_failed(page), timeout=SOON_MS)
            assert "unusable response" in sentence_of(page)
    assert gap.seconds < LONGEST_GAP


def test_a_silent_hub_does_not_hold_up_the_end(window: MainWindow, hub: LocalHub) -> None:
    hub.faults.silent_api = True
    window.show_page("hub")
    window.hub.search._search_now()
    window.close()
    assert not [child for child in window._workbench.hub.findChildren(Child) if child.is_running]


def test_retry_asks_again(page: HubBrowsingPage, hub: LocalHub, qtbot: QtBot) -> None:
    hub.faults.garbled_api = "no JSON"
    qtbot.waitUntil(lambda: has_failed(page), timeout=SOON_MS)
    hub.faults.garbled_api = ""
    qtbot.mouseClick(page.search.state.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(page.search.table.isVisible, timeout=SOON_MS)


def test_an_answer_from_the_cache_says_so(
    page: HubBrowsingPage, hub: LocalHub, qtbot: QtBot
) -> None:
    qtbot.waitUntil(page.search.table.isVisible, timeout=SOON_MS)
    for file in paths.hub_answers_folder().iterdir():
        os.utime(file, (0, 0))
    hub.faults.api_errors = 1000
    page.search._search_now()
    qtbot.waitUntil(lambda: "From the cache" in page.search.summary.whole_text, timeout=SOON_MS)
    assert page.search.table.isVisible()


def test_a_dead_child_is_said_and_started_again(
    page: HubBrowsingPage, hub: LocalHub, qtbot: QtBot
) -> None:
    hub.faults.silent_api = True
    browser = page.search._channel._browser
    qtbot.waitUntil(lambda: bool(hub.api_requests()), timeout=SOON_MS)
    assert browser._child is not None
    browser._child.kill()
    qtbot.waitUntil(lambda: has_failed(page), timeout=SOON_MS)
    assert "it was killed" in sentence_of(page)
    hub.faults.silent_api = False
    page.search.state.button.click()
    qtbot.waitUntil(page.search.table.isVisible, timeout=SOON_MS)


def test_the_answer_to_an_older_question_is_dropped(
    page: HubBrowsingPage, hub: LocalHub, qtbot: QtBot
) -> None:
    hub.faults.api_seconds = 1.0
    page.search._search_now()
    qtbot.waitUntil(lambda: bool(hub.api_requests()), timeout=SOON_MS)
    hub.faults.api_seconds = 0.0
    qtbot.keyClicks(page.search.field, "finder")
    qtbot.waitUntil(page.search.table.isVisible, timeout=SOON_MS)
    assert [one.repository for one in page.search.table.found] == ["acme/finder"]
