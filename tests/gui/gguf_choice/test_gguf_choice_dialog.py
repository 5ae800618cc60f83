"""The choice among GGUF files of a repository on a Hub on loopback."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.gui.gguf_choice.gguf_choice_dialog import GgufChoiceDialog
from app.gui.shell.window import MainWindow
from tests.support.gguf.gguf_files import llama_file
from tests.support.hub.local_hub import LocalHub

LIST_MS, DOWNLOAD_MS = 60_000, 60_000
SIZES = {"Q2_K": 3_000_000, "Q6_K": 7_000_000, "Q8_0": 9_000_000}


def write_model(path: Path, size: int = 2_000_000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(llama_file().to_bytes().ljust(size, b"\0"))


@pytest.fixture
def several(hub: LocalHub, tmp_path: Path) -> str:
    served = tmp_path / "served"
    for level, size in SIZES.items():
        write_model(served / f"model-{level}.gguf", size)
    for number in (1, 2):
        write_model(served / f"model-F16-0000{number}-of-00002.gguf", 10_000_000)
    write_model(served / "mmproj-model-F16.gguf")
    hub.add_repository("some/model-GGUF", served)
    return "some/model-GGUF"


def look(window: MainWindow, qtbot: QtBot, repository: str) -> GgufChoiceDialog:
    window.show_page("models")
    card = window.models.getting
    qtbot.keyClicks(card.repository, repository)
    qtbot.keyClick(card.repository, Qt.Key.Key_Return)
    assert card.choice.is_busy
    assert not card.download_button.isEnabled()
    qtbot.waitUntil(lambda: not card.choice.is_busy, timeout=LIST_MS)
    return card.choice


def test_the_files_are_shown_before_any_is_fetched(
    window: MainWindow, qtbot: QtBot, hub: LocalHub, several: str, home: Path
) -> None:
    dialog = look(window, qtbot, several)
    assert dialog.isVisible()
    table = dialog.table
    rows = [[table.item(row, column).text() for column in (0, 1, 2)] for row in range(5)]
    assert rows == [
        ["model-Q2_K.gguf", "Q2_K", "3 MB"],
        ["model-Q6_K.gguf", "Q6_K", "7 MB"],
        ["model-Q8_0.gguf", "Q8_0", "9 MB"],
        ["model-F16.gguf", "F16", "2 files, 20 MB"],
        ["mmproj-model-F16.gguf", "F16", "2 MB"],
    ]
    assert table.item(1, 4).text() == "In RAM · Recommended"
    assert table.item(4, 4).text() == "Projector for images"
    assert [model.level for model in dialog.table.ticked()] == ["Q6_K"]
    assert hub.sent_bytes(".gguf") < 1_000_000

    table.item(4, 0).setCheckState(Qt.CheckState.Checked)
    with qtbot.waitSignal(dialog.chosen):
        qtbot.mouseClick(dialog.download_button, Qt.MouseButton.LeftButton)
    model, projector = window._workbench.tasks.open_tasks
    qtbot.waitUntil(lambda: model.is_over and projector.is_over, timeout=DOWNLOAD_MS)
    assert (model.state, projector.state) == ("finished", "finished"), projector.sentence
    made = sorted(path.name for path in (home / "models").rglob("*.gguf"))
    assert made == ["mmproj-model-F16.gguf", "model-Q6_K.gguf"]


def test_one_file_needs_no_choice(
    window: MainWindow, qtbot: QtBot, hub: LocalHub, tmp_path: Path
) -> None:
    write_model(tmp_path / "served" / "model-Q4_0.gguf")
    hub.add_repository("some/one", tmp_path / "served")
    dialog = look(window, qtbot, "some/one")
    assert not dialog.isVisible()
    (task,) = window._workbench.tasks.open_tasks
    assert (task.kind, task.title) == ("download", "some/one")
    qtbot.waitUntil(lambda: task.is_over, timeout=DOWNLOAD_MS)
    assert task.state == "finished"


def test_a_canceled_choice_downloads_nothing_and_keeps_the_name(
    window: MainWindow, qtbot: QtBot, hub: LocalHub, several: str
) -> None:
    dialog = look(window, qtbot, several)
    dialog.reject()
    card = window.models.getting
    assert card.repository.text() == several
    assert card.download_button.isEnabled()
    assert not window._workbench.tasks.open_tasks


def test_another_name_ends_the_look(
    window: MainWindow, qtbot: QtBot, hub: LocalHub, several: str
) -> None:
    window.show_page("models")
    card = window.models.getting
    card.ask_for(several)
    qtbot.keyClicks(card.repository, "x")
    assert not card.choice.is_busy
    assert card.download_button.isEnabled()


@pytest.mark.slow
def test_a_name_on_the_convert_page_leads_to_the_choice(
    window: MainWindow, qtbot: QtBot, several: str, converter: Path
) -> None:
    window.show_page("convert")
    window.convert.start_with(several)
    choice = window.models.getting.choice
    qtbot.waitUntil(choice.isVisible, timeout=LIST_MS)
    assert window.models.isVisible()
    window.show_page("convert")
    assert window.convert.source_step.isVisible()
    assert not window.convert.notice.isVisible()
    choice.reject()


@pytest.mark.parametrize(
    ("file", "level"),
    [("model-Q2_K.gguf", "Q2_K"), ("model-F16-00002-of-00002.gguf", "F16"), ("README.md", "Q6_K")],
)
def test_the_file_of_a_pasted_address_is_ticked(
    window: MainWindow, qtbot: QtBot, hub: LocalHub, several: str, file: str, level: str
) -> None:
    dialog = look(window, qtbot, f"{hub.endpoint}/{several}/blob/main/{file}")
    assert [model.level for model in dialog.table.ticked()] == [level]
    dialog.reject()
