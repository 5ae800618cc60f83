"""A model's page: its contents, changes that are saved, and a chat with the changed file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog
from pytestqt.qtbot import QtBot

from app.core.compared_words import compared_in_words
from app.gguf_file.header_reader import read_header
from app.gguf_file.recipe_file import read_recipe
from app.gguf_file.type_recipe import recipe_of
from app.gui.pages.models.inspector.page import InspectorPage
from app.gui.pages.models.inspector.template_dialog import TemplateDialog
from app.gui.pages.models.inspector.value_dialog import ValueDialog
from app.gui.services.engine import EngineReady
from app.gui.shell.window import MainWindow
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.library.conversion_records import ConversionRecord, ConversionRecords
from tests.gui.conftest import WindowMaker
from tests.support.comparisons import BETTER
from tests.support.engine.tiny_model import write_tiny_model
from tests.support.gguf.gguf_files import Q4_K, GgufFile, Tensor, llama_file, llama_metadata

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}<|im_start|>assistant\n"
)
UNUSUAL = CHATML + "{# https://example.com #}see https://example.com"
WAIT_MS, LOAD_MS = 30_000, 120_000
Dialog = TypeVar("Dialog", bound=QDialog)


def dialog(kind: type[Dialog]) -> Dialog:
    found = [w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()]
    return found[-1]


@pytest.fixture
def inspect(make_window: WindowMaker, qtbot: QtBot) -> Callable[[Path], MainWindow]:
    """Opens the page of a model through the table of models."""

    def open_page(path: Path) -> MainWindow:
        window = make_window()
        window.show_page("models")
        table = window.models.table
        table.selectRow([one.path for one in table._listed].index(str(path)))
        qtbot.mouseClick(window.models.library.inspect_button, Qt.MouseButton.LeftButton)
        wait_for_contents(window.inspector, qtbot)
        return window

    return open_page


def wait_for_contents(page: InspectorPage, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: page.is_shown and not page.finder.is_busy, timeout=WAIT_MS)


def select(page: InspectorPage, key: str) -> None:
    keys = [row.key for row in page.metadata.rows.shown]
    page.metadata.table.selectRow(keys.index(key))


def enter(page: InspectorPage, qtbot: QtBot, key: str, text: str) -> None:
    select(page, key)
    qtbot.keyClick(page.metadata.table, Qt.Key.Key_Return)
    asked = dialog(ValueDialog)
    asked.line.clear()
    qtbot.keyClicks(asked.line, text)
    qtbot.keyClick(asked.line, Qt.Key.Key_Return)


def state_of(page: InspectorPage, key: str) -> str:
    return next(row.cells[-1] for row in page.metadata.rows.shown if row.key == key)


def save(page: InspectorPage, qtbot: QtBot) -> None:
    qtbot.mouseClick(page.bar.save_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not page.saver.is_busy, timeout=WAIT_MS)
    wait_for_contents(page, qtbot)


def test_the_template_is_edited_and_the_next_chat_uses_it(
    home: Path, inspect: Callable[[Path], MainWindow], qtbot: QtBot
) -> None:
    path = write_tiny_model(home / "models" / "Tiny-F16.gguf", template=CHATML)
    data = path.read_bytes()[read_header(path).data_offset :]
    window = inspect(path)
    page = window.inspector
    page.show_part("template")
    assert "<|im_start|>user" in page.template.panes.prompt.toPlainText()
    assert page.template.panes.faults.isHidden()

    qtbot.mouseClick(page.template.edit_button, Qt.MouseButton.LeftButton)
    editor = dialog(TemplateDialog)
    editor.panes.source.setPlainText("{% for")
    faults = editor.panes.faults
    qtbot.waitUntil(lambda: "can't be used" in faults.whole_text, timeout=WAIT_MS)
    editor.panes.source.setPlainText(UNUSUAL)
    qtbot.waitUntil(lambda: "a web address" in faults.whole_text, timeout=WAIT_MS)
    assert editor.panes.prompt.toPlainText().endswith("see https://example.com")
    qtbot.mouseClick(editor.apply, Qt.MouseButton.LeftButton)
    assert page.template.panes.source.toPlainText() == UNUSUAL
    assert read_header(path).metadata["tokenizer.chat_template"] != UNUSUAL

    save(page, qtbot)
    assert page.choice.value == "template"
    assert not page.bar.isVisible()
    assert read_header(path).metadata["tokenizer.chat_template"] == UNUSUAL
    assert path.read_bytes()[read_header(path).data_offset :] == data

    qtbot.mouseClick(page.chat_button, Qt.MouseButton.LeftButton)
    engine = window._workbench.engine
    qtbot.waitUntil(lambda: isinstance(engine.state, EngineReady), timeout=LOAD_MS)
    assert any("a web address" in notice for notice in engine.notices)
    composer = window.chat.composer.focusProxy()
    qtbot.keyClicks(composer, "Hi")
    qtbot.keyClick(composer, Qt.Key.Key_Return)
    session = window.chat.session
    qtbot.waitUntil(lambda: bool(session.messages) and not session.is_replying, timeout=LOAD_MS)
    assert session.messages[-1].role == "assistant"

    window.inspect(str(path), "Tiny")
    wait_for_contents(page, qtbot)
    enter(page, qtbot, "general.license", "mit")
    qtbot.mouseClick(page.bar.save_button, Qt.MouseButton.LeftButton)
    assert "is loaded" in page.notice.text
    assert "general.license" not in read_header(path).metadata
    page.notice.acted.emit("unload")
    qtbot.waitUntil(lambda: not page.saver.is_busy, timeout=WAIT_MS)
    assert read_header(path).metadata["general.license"] == "mit"


def test_values_are_changed_added_removed_and_put_back(
    home: Path, inspect: Callable[[Path], MainWindow], qtbot: QtBot
) -> None:
    path = llama_file(general__license="mit", general__tags=["a"]).write(
        home / "models" / "Little-Llama-Q4_K_M.gguf"
    )
    page = inspect(path).inspector
    view = page.metadata
    assert view.rows.shown[0].cells == ("general.name", "Little Llama", "string", "Editable")
    select(page, "llama.block_count")
    assert not view.edit_button.isEnabled()
    assert not view.remove_button.isEnabled()

    enter(page, qtbot, "general.name", "Another <b>")
    enter(page, qtbot, "general.sampling.temp", "0.3")
    for key in ("general.license", "general.tags"):
        select(page, key)
        qtbot.mouseClick(view.remove_button, Qt.MouseButton.LeftButton)
    states = [state_of(page, key) for key in ("general.name", "general.license")]
    assert states == ["Changed", "Removed"]
    assert state_of(page, "general.sampling.temp") == "Added"
    select(page, "general.tags")
    qtbot.mouseClick(view.undo_button, Qt.MouseButton.LeftButton)
    assert list(page.changes.values) == [
        "general.name",
        "general.sampling.temp",
        "general.license",
    ]
    save(page, qtbot)
    metadata = read_header(path).metadata
    assert metadata["general.name"] == "Another <b>"
    assert metadata["general.sampling.temp"] == pytest.approx(0.3)
    assert "general.license" not in metadata
    assert metadata["general.tags"] == ("a",)
    assert view.rows.shown[0].cells[1] == "Another <b>"
    assert state_of(page, "general.name") == "Editable"


def test_a_value_that_can_not_be_used_is_refused_while_it_is_typed(
    home: Path, inspect: Callable[[Path], MainWindow], qtbot: QtBot
) -> None:
    page = inspect(llama_file().write(home / "models" / "Little-Llama.gguf")).inspector
    select(page, "general.sampling.temp")
    qtbot.mouseClick(page.metadata.edit_button, Qt.MouseButton.LeftButton)
    asked = dialog(ValueDialog)
    assert not asked.apply.isEnabled()
    qtbot.keyClicks(asked.line, "9")
    assert "a number from 0 to 5" in asked.line.accessibleDescription()
    assert not asked.apply.isEnabled()
    asked.line.setText("1.5")
    assert asked.apply.isEnabled()
    asked.reject()
    assert page.changes.values == {}


def test_a_copy_is_saved_and_shown(
    home: Path, inspect: Callable[[Path], MainWindow], qtbot: QtBot, tmp_path: Path
) -> None:
    path = llama_file().write(home / "models" / "Little-Llama.gguf")
    before = path.read_bytes()
    page = inspect(path).inspector
    enter(page, qtbot, "general.name", "Copied")
    copy = home / "models" / "Copy.gguf"
    page.save_copy(str(copy))
    qtbot.waitUntil(lambda: not page.saver.is_busy, timeout=WAIT_MS)
    wait_for_contents(page, qtbot)
    assert path.read_bytes() == before
    assert read_header(copy).metadata["general.name"] == "Copied"
    assert page.accessibleName() == "Copy"
    assert page.metadata.rows.shown[0].cells[1] == "Copied"
    enter(page, qtbot, "general.name", "Again")
    page.save_copy(str(path))
    qtbot.waitUntil(lambda: not page.saver.is_busy, timeout=WAIT_MS)
    assert "already exists" in page.notice.text
    assert list(page.changes.values) == ["general.name"]


def test_unsaved_changes_are_dropped_only_by_consent(
    home: Path, inspect: Callable[[Path], MainWindow], qtbot: QtBot
) -> None:
    path = llama_file().write(home / "models" / "Little-Llama.gguf")
    other = llama_file().write(home / "models" / "Other-Llama.gguf")
    window = inspect(path)
    page = window.inspector
    enter(page, qtbot, "general.name", "Mine")
    window.inspect(str(other), "Other")
    dialog(ConfirmDialog).reject()
    assert page.changes.values == {"general.name": "Mine"}
    qtbot.mouseClick(page.back_button, Qt.MouseButton.LeftButton)
    dialog(ConfirmDialog).reject()
    assert page.isVisible()
    window.show_page("models")
    window.inspect(str(path), "Little")
    assert page.changes.values == {"general.name": "Mine"}
    qtbot.mouseClick(page.back_button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(dialog(ConfirmDialog).confirm, Qt.MouseButton.LeftButton)
    assert window.models.isVisible()
    assert page.changes.values == {}


def test_thousands_of_tensors_are_filtered_and_sorted(
    home: Path, inspect: Callable[[Path], MainWindow], qtbot: QtBot
) -> None:
    layers = [
        Tensor(f"blk.{number}.attn_q.weight", (256, 1 + number % 7), number % 2 * Q4_K)
        for number in range(4000)
    ]
    tensors = [Tensor("token_embd.weight", (256, 100), Q4_K), *layers]
    file = GgufFile(llama_metadata(), tensors)
    page = inspect(file.write(home / "models" / "Little-Llama.gguf")).inspector
    page.show_part("tensors")
    view = page.tensors
    assert len(view.rows.shown) == 4001
    assert [part.label for part in view.shares.parts] == ["f32", "q4_K"]
    assert "f32: 8" in view.shares.accessibleDescription()
    qtbot.keyClicks(view.filter, "Q4_k BLK.11")
    assert {row.cells[2] for row in view.rows.shown} == {"q4_K"}
    assert all("blk.11" in row.cells[0] for row in view.rows.shown)
    assert view._count.whole_text == f"{len(view.rows.shown):,} of 4,001"
    view.filter.clear()
    header = view.table.horizontalHeader()
    header.sectionClicked.emit(3)
    sizes = [row.ranks[3] for row in view.rows.shown]
    assert sizes == sorted(sizes)
    header.sectionClicked.emit(3)
    assert view.rows.shown[0].cells[0] == "token_embd.weight"
    assert view.rows.headerData(3, Qt.Orientation.Horizontal) == "Size ↓"
    header.sectionClicked.emit(3)
    assert [row.key for row in view.rows.shown] == [tensor.name for tensor in tensors]


def test_a_file_that_became_damaged_says_why(
    home: Path, make_window: WindowMaker, qtbot: QtBot
) -> None:
    path = llama_file().write(home / "models" / "Little-Llama.gguf")
    window = make_window()
    path.write_bytes(path.read_bytes()[:-1])
    window.inspect(str(path), "Little")
    page = window.inspector
    qtbot.waitUntil(lambda: not page.finder.is_busy, timeout=WAIT_MS)
    assert not page.is_shown
    assert "is incomplete" in page._state._text.whole_text
    assert not page.chat_button.isEnabled()


def test_a_model_without_a_template_can_get_one(
    home: Path, inspect: Callable[[Path], MainWindow], qtbot: QtBot
) -> None:
    path = write_tiny_model(home / "models" / "Tiny-Model.gguf")
    page = inspect(path).inspector
    page.show_part("template")
    assert not page.template.panes.isVisible()
    assert page.template.edit_button.text() == "Add a template…"
    qtbot.mouseClick(page.template.edit_button, Qt.MouseButton.LeftButton)
    editor = dialog(TemplateDialog)
    assert not editor.apply.isEnabled()
    editor.panes.source.setPlainText(CHATML)
    qtbot.mouseClick(editor.apply, Qt.MouseButton.LeftButton)
    prompt = page.template.panes.prompt
    qtbot.waitUntil(lambda: "<|im_start|>user" in prompt.toPlainText(), timeout=WAIT_MS)
    assert state_of(page, "tokenizer.chat_template") == "Added"


def test_the_types_are_saved_as_a_list(
    home: Path,
    inspect: Callable[[Path], MainWindow],
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = llama_file().write(home / "models" / "Little.gguf")
    page = inspect(path).inspector
    page.show_part("tensors")
    file = tmp_path / "types.txt"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    qtbot.mouseClick(page.tensors.save_button, Qt.MouseButton.LeftButton)
    assert read_recipe(file) == recipe_of(read_header(path).tensors)
    assert "types.txt" in page.notice.text


def test_the_quality_that_was_measured_is_shown(
    home: Path, inspect: Callable[[Path], MainWindow], qtbot: QtBot
) -> None:
    path = llama_file().write(home / "models" / "Little.gguf")
    ConversionRecords().keep(path, ConversionRecord(("gristmill",), compared=BETTER))
    window = inspect(path)
    facts = window.inspector.facts
    assert facts.quality.isVisible()
    assert facts.quality.whole_text == compared_in_words(BETTER)
    other = llama_file(general__name="Other").write(home / "models" / "Other.gguf")
    window.inspect(str(other), "Other")
    wait_for_contents(window.inspector, qtbot)
    assert not facts.quality.isVisible()


def test_the_other_buttons_lead_on(
    home: Path, inspect: Callable[[Path], MainWindow], qtbot: QtBot
) -> None:
    path = llama_file().write(home / "models" / "Little Llama's.gguf")
    window = inspect(path)
    page = window.inspector
    qtbot.mouseClick(page.measure_button, Qt.MouseButton.LeftButton)
    assert window.measure.isVisible()
    assert [one.model.path for one in window.measure.table.ticked()] == [str(path)]
    window.inspect(str(path), "Little Llama's")
    wait_for_contents(page, qtbot)
    qtbot.mouseClick(page.types_button, Qt.MouseButton.LeftButton)
    convert = window.convert
    assert "tensor types of Little Llama's.gguf" in convert.notice.text
    other = llama_file().write(home / "other.gguf")
    convert.start_with(str(other))
    assert convert.session.options.types_from == str(path)
    assert "--types-from" in convert.levels_step.commands()
    assert "types from Little Llama's.gguf" in convert.levels_step.advanced_card.summary
    qtbot.waitUntil(lambda: not convert.session.is_busy, timeout=WAIT_MS)
    convert.start_with(str(path))
    assert convert.session.options.types_from == ""
    window.inspect(str(path), "Little")
    wait_for_contents(page, qtbot)
    qtbot.mouseClick(page.convert_button, Qt.MouseButton.LeftButton)
    assert window.convert.isVisible()
    assert convert.session.source == str(path)
