from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.gui.shell.window import MainWindow
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.hub.local_hub import LocalHub
from tests.support.machine.installed import lend_converter

WAIT_MS = 90_000


def test_a_folder_that_is_no_checkpoint_is_said(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, converter: Path
) -> None:
    window.show_page("convert")
    page = window.convert
    page.source_step.set_source(str(tmp_path))
    qtbot.mouseClick(page.source_step.next_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "no config.json" in page.notice.text, timeout=30_000)
    assert not page.levels_step.convert_button.isEnabled()
    qtbot.mouseClick(page.levels_step._back_button, Qt.MouseButton.LeftButton)
    assert not page.notice.isVisible()
    assert page.source_step.isVisible()


@pytest.mark.parametrize("name", ["nobody/nothing", "not a name!!"])
def test_a_name_that_leads_nowhere_stays_in_its_field_with_the_reason(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, converter: Path, name: str
) -> None:
    with LocalHub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        window.show_page("convert")
        step = window.convert.source_step
        line = step.source.focusProxy()
        qtbot.keyClicks(line, name)
        qtbot.keyClick(line, Qt.Key.Key_Return)
        qtbot.waitUntil(step.fault.isVisible, timeout=60_000)
    assert "does not exist" in step.fault.whole_text
    assert step.source.path == name
    assert line.hasFocus()
    assert not window.convert.notice.isVisible()


def test_enter_in_the_field_checks(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window.show_page("convert")
    page = window.convert
    line = page.source_step.source.focusProxy()
    qtbot.keyClicks(line, str(tmp_path))
    with qtbot.waitSignal(page.session.started, timeout=5000):
        qtbot.keyClick(line, Qt.Key.Key_Return)
    assert page.session.source == str(tmp_path)
    page.levels_step.back.emit()


def test_going_back_ends_the_check(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, converter: Path
) -> None:
    window.show_page("convert")
    window.convert.start_with(str(make_tiny_checkpoint(tmp_path / "tiny")))
    checker = window.convert.session._checker
    assert checker is not None
    with qtbot.waitSignal(checker.ended, timeout=20_000):
        window.convert.levels_step.back.emit()
    assert window.convert.levels_step.table.rowCount() == 0


@pytest.mark.usefixtures("known_machine")
def test_a_missing_converter_is_one_click_away(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing listens on the discard port.
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    window.show_page("convert")
    page = window.convert
    page.start_with(str(make_tiny_checkpoint(tmp_path / "tiny")))
    card = page.levels_step.converter
    for words in ("converter is not installed", "Check your network connection"):
        qtbot.waitUntil(lambda words=words: words in card.words.whole_text, timeout=WAIT_MS)
        assert "gristmill" not in card.words.whole_text
        # It is said in its place, and not a second time over the page.
        assert card.isVisible()
        assert not page.notice.isVisible()
        if words.startswith("Check"):
            lend_converter(home)
        qtbot.mouseClick(card.button, Qt.MouseButton.LeftButton)
    table = page.levels_step.table
    qtbot.waitUntil(lambda: table.rowCount() > 0, timeout=WAIT_MS)
    assert card.isHidden()
    assert page.notice.isHidden()


@pytest.mark.slow
@pytest.mark.usefixtures("known_machine")
def test_a_conversion_can_be_canceled_and_leaves_nothing(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, home: Path, converter: Path
) -> None:
    window.show_page("convert")
    page = window.convert
    page.start_with(str(make_tiny_checkpoint(tmp_path / "tiny")))
    step = page.levels_step
    qtbot.waitUntil(lambda: step.table.rowCount() == 19, timeout=90_000)
    qtbot.waitUntil(lambda: page.session._checker is None, timeout=20_000)
    qtbot.waitUntil(step.convert_button.isEnabled, timeout=90_000)
    qtbot.mouseClick(step.convert_button, Qt.MouseButton.LeftButton)
    (task,) = window._workbench.tasks.open_tasks
    with qtbot.waitSignal(task.ended, timeout=20_000):
        task.cancel()
    assert task.state == "canceled"
    assert not list((home / "models").glob("*"))
    assert not window._workbench.tasks.open_tasks
    run = page.run_step
    assert not run.chat_button.isVisible()
    assert run.heading.text() == "Canceled"
    assert run._rows[0]._end.property("tone") != "danger"

    ticked = step.chosen_levels()
    qtbot.mouseClick(run.levels_button, Qt.MouseButton.LeftButton)
    assert step.isVisible()
    assert step.chosen_levels() == ticked
    qtbot.waitUntil(step.convert_button.isEnabled, timeout=90_000)
    qtbot.mouseClick(step.convert_button, Qt.MouseButton.LeftButton)
    (task,) = window._workbench.tasks.open_tasks
    with qtbot.waitSignal(task.ended, timeout=20_000):
        task.cancel()
    qtbot.mouseClick(run.again_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(run.chat_button.isVisible, timeout=90_000)
    assert run.heading.text() == "Done"
    assert run.chat_button.hasFocus()
