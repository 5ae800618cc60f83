"""What children notice is shown on the page that started them; all of them are real."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.core import paths
from app.gui.children.task import Task
from app.gui.services.engine import EngineReady
from app.gui.shell.window import MainWindow
from tests.gui.conftest import WindowMaker
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.engine.tiny_model import write_tiny_model
from tests.support.hub.local_hub import LocalHub

RESET = "The settings file could not be read"
LOAD_MS, CHECK_MS, CONVERT_MS = 60_000, 90_000, 120_000


def break_settings() -> None:
    """Give the next child that reads the settings something to notice; it moves the file away."""
    paths.settings_file().write_text("{broken")


def count(sentences: tuple[str, ...], words: str) -> int:
    return sum(words in sentence for sentence in sentences)


def test_the_list_of_models_says_what_it_noticed(window: MainWindow, qtbot: QtBot) -> None:
    break_settings()
    window._workbench.models.refresh()
    qtbot.waitUntil(lambda: count(window.warnings.sentences, RESET) == 1, timeout=20_000)


def test_a_download_says_what_it_noticed(
    make_window: WindowMaker, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = tmp_path / "served"
    served.mkdir()
    for name in ("config.json", "model.safetensors", "odd.json"):
        (served / name).write_text("{}")
    with LocalHub() as hub:
        hub.add_repository("owner/name", served, unsafe_names={"odd.json": "odd?.json"})
        hub.faults.server_errors = 1
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        window = make_window()
        window.show_page("models")
        page = window.models
        states: set[str] = set()
        downloads = window._workbench.downloads
        downloads.changed.connect(
            lambda: states.update(one.sentence for one in downloads.downloads)
        )
        qtbot.keyClicks(page.repository, "owner/name")
        qtbot.keyClick(page.repository, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: "is downloaded" in page.notice.text, timeout=30_000)
        # An interruption is the state of the moment, and no warning to keep.
        assert count(tuple(states), "was interrupted (status 503)") == 1
        assert count(page.warnings.sentences, "was interrupted") == 0
        assert count(page.warnings.sentences, "odd?.json") == 1
        qtbot.keyClicks(page.repository, "owner/name")
        with qtbot.waitSignal(window._workbench.tasks.added, timeout=30_000):
            qtbot.keyClick(page.repository, Qt.Key.Key_Return)
        assert not page.warnings.sentences


@pytest.mark.slow
def test_the_engine_says_all_that_it_noticed(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf", context=2048)
    engine = window._workbench.engine
    window._workbench.settings.change(context=4096)
    break_settings()
    engine.load(str(model), "tiny")
    qtbot.waitUntil(lambda: isinstance(engine.state, EngineReady), timeout=LOAD_MS)
    shown = window.warnings.sentences
    assert count(shown, RESET) == count(shown, "chat template can't be used") == 1
    engine.unload()
    assert not window.warnings.sentences


@pytest.mark.slow
def test_the_options_of_a_model_say_what_their_estimate_noticed(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, known_machine: None
) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf")
    break_settings()
    window.show_options(str(model), "tiny")
    dialog = window.load_options
    qtbot.waitUntil(lambda: count(dialog.warnings.sentences, RESET) == 1, timeout=CHECK_MS)
    qtbot.waitUntil(lambda: dialog.plan is not None, timeout=CHECK_MS)
    dialog.reject()


@pytest.mark.slow
def test_the_wizard_says_what_its_children_noticed(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, converter: Path, known_machine: None
) -> None:
    window.show_page("convert")
    page = window.convert
    break_settings()
    page.start_with(str(make_tiny_checkpoint(tmp_path / "tiny")))
    # Either the check or the estimate has read them first.
    qtbot.waitUntil(lambda: count(page.warnings.sentences, RESET) == 1, timeout=CHECK_MS)
    finder = page.levels_step.picker.finder
    qtbot.waitUntil(lambda: page.session._checker is None and not finder.is_busy, timeout=CHECK_MS)
    finder.noticed.emit("The estimate noticed something.")
    assert page.warnings.sentences[-1] == "The estimate noticed something."
    break_settings()
    qtbot.mouseClick(page.levels_step.convert_button, Qt.MouseButton.LeftButton)
    assert not page.warnings.sentences
    warnings = page.run_step.warnings
    qtbot.waitUntil(lambda: count(warnings.sentences, RESET) == 1, timeout=CONVERT_MS)
    assert not page.run_step.another_button.isVisible()
    qtbot.waitUntil(page.run_step.another_button.isVisible, timeout=CONVERT_MS)
    assert count(warnings.sentences, RESET) == 1
    assert warnings.isVisible()
    assert not page.run_step.notice.isVisible()


@pytest.mark.slow
def test_a_crash_after_a_notice_is_said_and_not_the_notice(
    qapp: QApplication, qtbot: QtBot, home: Path, tmp_path: Path
) -> None:
    home.mkdir()
    break_settings()
    model = write_tiny_model(tmp_path / "tiny.gguf")
    task = Task("setup", "serves until it is killed", ("serve", str(model)))
    task.noticed.connect(lambda _: task._child.kill())
    with qtbot.waitSignal(task.ended, timeout=LOAD_MS):
        task.start()
    assert count(tuple(task.notices), RESET) == 1
    assert task.state == "failed"
    assert RESET not in task.sentence
    assert "SIGKILL" in task.sentence or "unexpected" in task.sentence
