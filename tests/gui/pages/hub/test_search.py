"""Search the Hub as you type, with the real child and a Hub on loopback."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.gui.pages.hub.page import HubBrowsingPage
from app.gui.pages.hub.search_view import SearchView
from app.gui.shell.window import MainWindow
from app.gui.widgets.plain_label import PlainLabel
from tests.gui.pages.hub.conftest import press
from tests.support.hub.local_hub import LocalHub
from tests.support.hub.served_models import LONGEST

SOON_MS = 30_000


def names(view: SearchView) -> list[str]:
    if not view.table.isVisible():
        return []
    return [one.repository for one in view.table.found]


def wait_for(view: SearchView, expected: list[str], qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: sorted(names(view)) == sorted(expected), timeout=SOON_MS)


def searches(hub: LocalHub) -> list[str]:
    return [one.path for one in hub.api_requests("/api/models?")]


def test_trending_models_are_shown_at_first(page: HubBrowsingPage, qtbot: QtBot) -> None:
    view = page.search
    qtbot.waitUntil(lambda: len(names(view)) == 5, timeout=SOON_MS)
    assert names(view)[0] == "acme/grain-1b"
    row = [view.table.item(0, column).text() for column in range(9)]
    assert row[0] == "acme/grain-1b"
    assert row[1] == "1.0 B"
    assert row[3].startswith("≈ ")
    assert row[5:7] == ["1,234,567", "321"]
    assert row[8] == "apache-2.0"


def test_what_cannot_chat_has_no_level(page: HubBrowsingPage, qtbot: QtBot) -> None:
    table = page.search.table
    qtbot.waitUntil(lambda: len(names(page.search)) == 5, timeout=SOON_MS)
    row = names(page.search).index("acme/finder")
    assert [table.item(row, column).text() for column in (2, 3, 4)] == ["—", "—", "can't chat"]


def test_one_search_follows_the_last_letter(
    page: HubBrowsingPage, hub: LocalHub, qtbot: QtBot
) -> None:
    view = page.search
    qtbot.waitUntil(lambda: bool(names(view)), timeout=SOON_MS)
    before = len(searches(hub))
    qtbot.keyClicks(view.field, "grain-1b")
    wait_for(view, ["acme/grain-1b", "acme/grain-1b-GGUF"], qtbot)
    assert len(searches(hub)) == before + 1


def test_an_owner_and_a_filter_narrow_the_search(
    page: HubBrowsingPage, hub: LocalHub, qtbot: QtBot
) -> None:
    view = page.search
    qtbot.keyClicks(view.field, "acme/grain")
    view.filters.boxes["Format"].setCurrentText("GGUF")
    wait_for(view, ["acme/grain-1b-GGUF"], qtbot)
    assert "author=acme" in searches(hub)[-1]
    view.filters.boxes["Format"].setCurrentText("safetensors")
    wait_for(view, ["acme/grain-1b", "acme/grain-base"], qtbot)


def test_a_gated_model_says_so_in_its_row(page: HubBrowsingPage, qtbot: QtBot) -> None:
    view = page.search
    view.filters.boxes["Access"].setCurrentText("Gated")
    wait_for(view, [LONGEST], qtbot)
    assert view.table.item(0, 0).text() == f"{LONGEST}  ·  gated"


def test_nothing_found_offers_to_reset_the_filters(page: HubBrowsingPage, qtbot: QtBot) -> None:
    view = page.search
    view.filters.boxes["License"].setCurrentText("mit")
    qtbot.waitUntil(view.nothing.button.isVisible, timeout=SOON_MS)
    view.nothing.button.click()
    qtbot.waitUntil(lambda: bool(names(view)), timeout=SOON_MS)
    assert not view.filters.is_restricting


def test_more_results_come_on_demand(page: HubBrowsingPage, hub: LocalHub, qtbot: QtBot) -> None:
    one = hub.repositories["acme/grain-base"]
    for number in range(40):
        hub.repositories[f"many/model-{number}"] = one
    qtbot.keyClicks(page.search.field, "grain-base")
    view = page.search
    qtbot.waitUntil(lambda: len(names(view)) == 30, timeout=SOON_MS)
    assert view.more_button.isVisible()
    view.more_button.click()
    qtbot.waitUntil(lambda: len(names(view)) == 41, timeout=SOON_MS)
    assert not view.more_button.isVisible()


@pytest.mark.parametrize("text", ["acme/grain-1b", "{hub}/acme/grain-1b/tree/main"])
def test_a_pasted_name_or_address_opens_the_page(
    page: HubBrowsingPage, hub: LocalHub, qtbot: QtBot, text: str
) -> None:
    QApplication.clipboard().setText(text.format(hub=hub.endpoint))
    page.search.field.setFocus()
    page.search.field.paste()
    qtbot.waitUntil(page.repository.card.isVisible, timeout=SOON_MS)
    assert page.repository.header.title.whole_text == "acme/grain-1b"


@pytest.mark.parametrize("text", ["acme/nothing", "https://huggingface.co/acme/nothing"])
def test_a_name_or_address_that_finds_nothing_can_be_opened(
    page: HubBrowsingPage, qtbot: QtBot, text: str
) -> None:
    view = page.search
    qtbot.keyClicks(view.field, text)
    qtbot.waitUntil(view.nothing.button.isVisible, timeout=SOON_MS)
    assert view.nothing.button.text() == "Open acme/nothing"
    assert "Press Enter to open acme/nothing." in [
        label.whole_text for label in view.nothing.findChildren(PlainLabel)
    ]
    view.nothing.button.click()
    assert page.repository.isVisible()
    assert page.repository.header.title.whole_text == "acme/nothing"


def test_back_from_a_pasted_address_shows_what_it_finds(
    page: HubBrowsingPage, qtbot: QtBot
) -> None:
    QApplication.clipboard().setText("https://huggingface.co/acme/grain-1b")
    page.search.field.setFocus()
    page.search.field.paste()
    qtbot.waitUntil(page.repository.card.isVisible, timeout=SOON_MS)
    press(page, "Esc", qtbot)
    wait_for(page.search, ["acme/grain-1b", "acme/grain-1b-GGUF"], qtbot)


def test_enter_on_a_row_opens_it_and_escape_leads_back(page: HubBrowsingPage, qtbot: QtBot) -> None:
    table = page.search.table
    qtbot.waitUntil(table.isVisible, timeout=SOON_MS)
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Return)
    qtbot.waitUntil(page.repository.card.isVisible, timeout=SOON_MS)
    assert page.window().focusWidget() is page.repository.header.back_button
    press(page, "Esc", qtbot)
    assert page.search.isVisible()
    assert page.window().focusWidget() is table
    assert table.found[table.currentRow()].repository == "acme/grain-1b"


def test_get_models_in_the_chat_opens_the_page(window: MainWindow, hub: LocalHub) -> None:
    window.chat.empty.other_button.click()
    assert window.focusWidget() is window.hub.search.field
    window.show_page("chat")
    window.chat.picker.box.models_requested.emit()
    assert window.hub.isVisible()


def test_the_row_stays_when_the_same_search_is_repeated(
    page: HubBrowsingPage, hub: LocalHub, qtbot: QtBot
) -> None:
    view = page.search
    qtbot.waitUntil(lambda: len(names(view)) == 5, timeout=SOON_MS)
    view.table.selectRow(2)
    with qtbot.waitSignal(view._channel.answered, timeout=SOON_MS):
        view._search_now()
    assert view.table.currentRow() == 2
    hidden = [view.table.isColumnHidden(column) for column in range(9)]
    view.table._fit_columns()
    assert [view.table.isColumnHidden(column) for column in range(9)] == hidden
