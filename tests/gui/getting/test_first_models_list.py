"""First models: one click away, and absent if the Hub doesn't answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.gui.shell.window import MainWindow
from app.hub.first_models import listed_models
from tests.gui.conftest import WindowMaker
from tests.support.hub.hub_models import add_model, chat_facts
from tests.support.hub.local_hub import LocalHub

SOON_MS = 30_000
NAMES = [model.repository for model in listed_models()]


@pytest.fixture
def hub(hub: LocalHub, tmp_path: Path) -> LocalHub:
    for model in listed_models():
        add_model(hub, model.repository, tmp_path, chat_facts(model.parameters))
    return hub


def test_an_empty_chat_and_library_offer_models(
    hub: LocalHub, window: MainWindow, qtbot: QtBot
) -> None:
    first = window.chat.empty.first_models
    qtbot.waitUntil(first.isVisible, timeout=SOON_MS)
    assert len(first.rows) == 3
    assert set(first.rows) <= {name.casefold() for name in NAMES}
    window.show_page("models")
    qtbot.waitUntil(window.models.first_models.isVisible, timeout=SOON_MS)
    assert len(window.models.first_models.rows) == 5
    row = next(iter(window.models.first_models.rows.values()))
    assert " parameters · ≈ " in row.words.whole_text
    assert row.button.accessibleName().startswith("Get it: ")


def test_get_it_starts_one_task_that_both_lists_show(
    hub: LocalHub, window: MainWindow, qtbot: QtBot
) -> None:
    first = window.chat.empty.first_models
    qtbot.waitUntil(first.isVisible, timeout=SOON_MS)
    window.show_page("models")
    others = window.models.first_models
    qtbot.waitUntil(others.isVisible, timeout=SOON_MS)
    name = next(name for name in others.rows if name in first.rows)
    others.rows[name].button.click()
    (task,) = [task for task in window._workbench.tasks.open_tasks if task.kind == "get"]
    assert task.arguments[0] == "get"
    assert task.arguments[1].casefold() == name
    assert not others.rows[name].button.isVisible()
    assert first.rows[name].button.isHidden()
    task.cancel()
    qtbot.waitUntil(lambda: task.is_over, timeout=SOON_MS)
    assert first.rows[name].button.text() in ("Resume", "Try again")


def test_models_that_are_gone_are_not_offered(
    hub: LocalHub, make_window: WindowMaker, qtbot: QtBot
) -> None:
    hub.repositories.clear()
    first = make_window().chat.empty.first_models
    with qtbot.waitSignal(first._channel.answered, timeout=SOON_MS) as answered:
        pass
    assert answered.args[0].problem is None
    assert first.isHidden()


def test_without_an_answer_there_is_only_the_starter(
    monkeypatch: pytest.MonkeyPatch, make_window: WindowMaker, qtbot: QtBot
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    window = make_window()
    first = window.chat.empty.first_models
    with qtbot.waitSignal(first._channel.answered, timeout=SOON_MS) as answered:
        pass
    assert answered.args[0].problem is not None
    assert first.isHidden()
    assert "starter model" in window.chat.empty.state.button.text()
    assert not window.notice.isVisible()
