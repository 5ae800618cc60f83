"""Options of the wizard, with real children on tiny checkpoints."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import get_args

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QFileDialog,
    QLineEdit,
    QPushButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.core.events import Checked, LevelPlanned, Subject
from app.core.levels import FORMAT_PRESERVING_LEVELS
from app.gui.pages.convert.conversion_options import command_line, projector_path_for
from app.gui.pages.convert.page import ConvertPage
from app.gui.pages.convert.type_box import TypeBox
from app.gui.shell.window import MainWindow
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.path_field import PathField
from tests.support.checkpoints.block_checkpoints import make_nvfp4
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.checkpoints.other_sources import make_adapter, make_pickled, make_seeing_gemma
from tests.support.hub.local_hub import LocalHub
from tests.support.profiles import checkpoint_profile, made_machine

CHECK_MS, CONVERT_MS = 90_000, 120_000
ALL, WITH_SPECIAL, PLAIN = 19, 30, 4
KEPT = ["COPY", "BF16", "F32"]
SENTENCE = "The miller opens the gate and the water turns the wheel. "


@pytest.fixture
def page(window: MainWindow) -> ConvertPage:
    window.show_page("convert")
    return window.convert


@pytest.fixture
def tiny(tmp_path: Path, converter: Path) -> Path:
    return make_tiny_checkpoint(tmp_path / "tiny")


@pytest.fixture
def text(tmp_path: Path) -> Path:
    file = tmp_path / "a text.txt"
    file.write_text(SENTENCE * 200)
    return file


def check(page: ConvertPage, qtbot: QtBot, source: Path | str, levels: int = ALL) -> None:
    page.start_with(str(source))
    wait_for_levels(page, qtbot, levels)


def wait_for_levels(page: ConvertPage, qtbot: QtBot, levels: int = ALL) -> None:
    wait_for_check(page, qtbot)
    assert page.levels_step.table.rowCount() == levels, page.notice.text


def wait_for_check(page: ConvertPage, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not page.session.is_busy, timeout=CHECK_MS)
    qtbot.waitUntil(lambda: not page.levels_step.picker.finder.is_busy, timeout=CHECK_MS)


def enter(field: PathField, qtbot: QtBot, path: object) -> None:
    line = field.findChild(QLineEdit)
    line.clear()
    qtbot.keyClicks(line, str(path))
    qtbot.keyClick(line, Qt.Key.Key_Return)


def click(widget: QWidget, qtbot: QtBot, words: str) -> None:
    (button,) = (b for b in widget.findChildren(QPushButton) if b.text() == words and b.isVisible())
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def choose(box: QComboBox, value: str) -> None:
    index = box.findData(value)
    box.setCurrentIndex(index)
    box.activated.emit(index)


def set_ticks(page: ConvertPage, *levels: str) -> None:
    table = page.levels_step.table
    for row in range(table.rowCount()):
        item = table.item(row, 0)
        is_wanted = item.text() in levels
        item.setCheckState(Qt.CheckState.Checked if is_wanted else Qt.CheckState.Unchecked)


def size_of(page: ConvertPage, level: str) -> int:
    return next(p.size_bytes for p in page.levels_step.table.planned if p.level == level)


def commands(page: ConvertPage, qtbot: QtBot, button: QAbstractButton) -> list[list[str]]:
    QGuiApplication.clipboard().clear()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert button.text() == "Copied"
    return [shlex.split(line) for line in QGuiApplication.clipboard().text().splitlines()]


def convert(page: ConvertPage, qtbot: QtBot) -> list[Path]:
    qtbot.mouseClick(page.levels_step.convert_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.run_step.is_over, timeout=CONVERT_MS)
    assert not page.run_step.notice.isVisible(), page.run_step.notice.text
    assert page.run_step.heading.text() == "Done"
    if page.run_step.chat_button.isVisible():
        assert page.window().focusWidget() is page.run_step.chat_button
    return [Path(path) for path in page.run_step.paths()]


@pytest.mark.slow
@pytest.mark.usefixtures("known_machine")
def test_a_text_brings_the_special_levels(
    page: ConvertPage, qtbot: QtBot, tiny: Path, text: Path
) -> None:
    check(page, qtbot, tiny)
    step = page.levels_step
    set_ticks(page, "Q8_0", "Q2_K")
    assert "importance matrix" in step.special_note.text()
    step.options_card.set_open(True)
    click(step.options_card.importance, qtbot, "Your text…")
    assert step.options_card.importance.text.isVisible()
    wait_for_levels(page, qtbot)

    enter(step.options_card.importance.text, qtbot, text)
    assert not step.convert_button.isEnabled()
    wait_for_levels(page, qtbot, WITH_SPECIAL)
    assert step.chosen_levels() == ["Q2_K", "Q8_0"]
    assert step.table.item(0, 0).text() == "IQ1_S"
    assert not step.special_note.isVisible()
    assert step.options_card.summary == "Importance matrix from a text.txt"

    set_ticks(page, "IQ2_XXS", "Q8_0")
    (command,) = commands(page, qtbot, step.copy_button)
    assert command[command.index("--calibration") + 1] == str(text)
    sizes = {level: size_of(page, level) for level in ("IQ2_XXS", "Q8_0")}
    made = convert(page, qtbot)
    assert [path.stat().st_size for path in made] == list(sizes.values())


@pytest.mark.slow
@pytest.mark.usefixtures("known_machine")
def test_the_builtin_text_needs_no_file(page: ConvertPage, qtbot: QtBot, tiny: Path) -> None:
    check(page, qtbot, tiny)
    step = page.levels_step
    set_ticks(page, "Q8_0", "Q2_K")
    qtbot.mouseClick(step.matrix_button, Qt.MouseButton.LeftButton)
    importance = step.options_card.importance
    assert importance.kind.isVisible()
    assert (importance.kind.value, importance.fault) == ("builtin", "")
    assert not importance.text.isVisible()
    wait_for_levels(page, qtbot, WITH_SPECIAL)
    assert step.options_card.summary == "Importance matrix from the built-in text"
    (command,) = commands(page, qtbot, step.copy_button)
    assert command[command.index("--calibration") + 1] == "builtin"


@pytest.mark.slow
@pytest.mark.usefixtures("known_machine")
def test_without_the_matrix_the_special_levels_go(
    page: ConvertPage, qtbot: QtBot, tiny: Path, text: Path
) -> None:
    check(page, qtbot, tiny)
    importance = page.levels_step.options_card.importance
    page.levels_step.options_card.set_open(True)
    click(importance, qtbot, "Your text…")
    enter(importance.text, qtbot, text)
    wait_for_levels(page, qtbot, WITH_SPECIAL)
    set_ticks(page, "IQ1_S", "Q6_K")
    click(importance, qtbot, "None")
    wait_for_levels(page, qtbot, ALL)
    assert page.levels_step.chosen_levels() == ["Q6_K"]


@pytest.mark.slow
@pytest.mark.usefixtures("known_machine")
def test_a_file_that_is_no_matrix_is_said(
    page: ConvertPage, qtbot: QtBot, tiny: Path, text: Path
) -> None:
    check(page, qtbot, tiny)
    step = page.levels_step
    step.options_card.set_open(True)
    click(step.options_card.importance, qtbot, "From a file…")
    enter(step.options_card.importance.matrix, qtbot, "/nowhere.dat")
    assert "not found" in step.options_card.importance._fault.text()
    enter(step.options_card.importance.matrix, qtbot, text)
    wait_for_check(page, qtbot)
    assert "importance matrix" in page.notice.text
    assert not step.convert_button.isEnabled()
    click(step.options_card.importance, qtbot, "None")
    wait_for_levels(page, qtbot)
    assert not page.notice.isVisible()
    assert step.convert_button.isEnabled()


@pytest.mark.slow
@pytest.mark.usefixtures("known_machine")
def test_types_change_the_planned_sizes(page: ConvertPage, qtbot: QtBot, tiny: Path) -> None:
    check(page, qtbot, tiny)
    step, advanced = page.levels_step, page.levels_step.advanced_card
    usual = size_of(page, "Q4_K_M")
    qtbot.mouseClick(advanced.button, Qt.MouseButton.LeftButton)
    click(advanced, qtbot, "Add a pattern")
    (line,) = advanced.overrides.lines
    assert line.pattern.hasFocus()
    qtbot.keyClicks(line.pattern, "ffn_(down")
    assert "unterminated" in line.fault
    assert line.fault in line._fault_label.text()
    wait_for_levels(page, qtbot)
    assert size_of(page, "Q4_K_M") == usual
    assert page.session.options.overrides == ()

    qtbot.keyClicks(line.pattern, ")")
    assert not line._fault_label.isVisible()
    wait_for_levels(page, qtbot)
    assert page.session.options.overrides == (("ffn_(down)", "q8_0"),)
    overridden = size_of(page, "Q4_K_M")
    assert overridden > usual

    choose(advanced.output_type, "f16")
    assert not step.convert_button.isEnabled()
    wait_for_levels(page, qtbot)
    assert size_of(page, "Q4_K_M") > overridden
    assert advanced.summary == "output f16 · patterns: 1"


@pytest.mark.slow
@pytest.mark.usefixtures("known_machine")
def test_a_list_of_types_is_taken_or_refused_with_the_line(
    page: ConvertPage, qtbot: QtBot, tiny: Path, tmp_path: Path
) -> None:
    check(page, qtbot, tiny)
    step = page.levels_step
    usual = size_of(page, "Q8_0")
    types = tmp_path / "types.txt"
    types.write_text("attn_v=q8_0\nffn_down q8_0\n", encoding="utf-8")
    step.advanced_card.take_types(str(types))
    wait_for_check(page, qtbot)
    assert "types.txt is neither a GGUF file nor a list of types: line 2" in page.notice.text
    assert not step.convert_button.isEnabled()
    assert step._summary.whole_text == "With these options nothing can be made."
    types.write_text(".=q8_0\n", encoding="utf-8")
    page.session.recheck()
    assert step._summary.whole_text == "Updating sizes…"
    wait_for_check(page, qtbot)
    assert page.notice.isHidden()
    # All types have names, so that there is one file to make, whatever the level.
    assert step.chosen_levels() == ["Q8_0"]
    assert step.convert_button.isEnabled()
    assert size_of(page, "Q8_0") == usual
    assert Path(step.table.planned[0].target).name == f"{tiny.name}-8.52bpw-Q8_0.gguf"


@pytest.mark.slow
@pytest.mark.usefixtures("known_machine")
def test_a_type_that_needs_a_matrix_leads_to_one(
    page: ConvertPage, qtbot: QtBot, tiny: Path
) -> None:
    check(page, qtbot, tiny)
    overrides = page.levels_step.advanced_card.overrides
    page.levels_step.advanced_card.set_open(True)
    overrides.add_line()
    qtbot.keyClicks(overrides.lines[0].pattern, "ffn_down")
    choose(overrides.lines[0].type, "iq2_xxs")
    wait_for_check(page, qtbot)
    assert "needs an importance matrix" in page.notice.text
    click(page.notice, qtbot, "Make one from the built-in text")
    importance = page.levels_step.options_card.importance
    assert importance.kind.value == "builtin"
    wait_for_levels(page, qtbot, WITH_SPECIAL)
    assert not page.notice.isVisible()


@pytest.mark.slow
@pytest.mark.usefixtures("known_machine")
def test_pickles_are_read_with_consent_alone(
    page: ConvertPage, qtbot: QtBot, tmp_path: Path, converter: Path
) -> None:
    check(page, qtbot, make_pickled(tmp_path / "old"), 0)
    assert "pickle" in page.notice.text
    assert not page.levels_step.convert_button.isEnabled()
    click(page.notice, qtbot, "Read weights only")
    dialog = page.findChild(ConfirmDialog)
    dialog.reject()
    assert page.session._checker is None

    click(page.notice, qtbot, "Read weights only")
    agree(page)
    wait_for_levels(page, qtbot)
    assert not page.notice.isVisible()
    set_ticks(page, "Q4_K_M")
    (made,) = convert(page, qtbot)
    assert made.name == "old-Q4_K_M.gguf"

    check(page, qtbot, make_pickled(tmp_path / "another"), 0)
    assert "pickle" in page.notice.text


@pytest.mark.slow
@pytest.mark.usefixtures("known_machine")
def test_weights_in_blocks_lose_again_with_consent_alone(
    page: ConvertPage, qtbot: QtBot, tmp_path: Path, converter: Path
) -> None:
    check(page, qtbot, make_nvfp4("modelopt", tmp_path / "blocks"), len(KEPT))
    assert [planned.level for planned in page.levels_step.table.planned] == KEPT
    assert "would lose precision twice" in page.notice.text
    click(page.notice, qtbot, "Quantize again…")
    agree(page)
    wait_for_levels(page, qtbot, ALL + len(FORMAT_PRESERVING_LEVELS))
    assert not page.notice.isVisible()
    set_ticks(page, "Q4_K_M")
    (command,) = commands(page, qtbot, page.levels_step.copy_button)
    assert "--requantize" in command
    (made,) = convert(page, qtbot)
    assert made.name == "blocks-Q4_K_M.gguf"


def agree(page: ConvertPage) -> None:
    for dialog in page.findChildren(ConfirmDialog):
        if dialog.isVisible():
            dialog.confirm.click()


@pytest.mark.slow
@pytest.mark.usefixtures("known_machine")
def test_pickles_are_downloaded_with_consent(
    page: ConvertPage, qtbot: QtBot, tmp_path: Path, converter: Path, hub: LocalHub
) -> None:
    hub.add_repository("old/model", make_pickled(tmp_path / "old"))
    check(page, qtbot, "old/model", 0)
    assert "pickle" in page.notice.text
    click(page.notice, qtbot, "Read weights only")
    agree(page)
    wait_for_levels(page, qtbot)
    (command,) = commands(page, qtbot, page.levels_step.copy_button)
    assert command[2].endswith("/checkpoints/old/model")
    assert "--allow-pickle" in command


@pytest.mark.slow
@pytest.mark.usefixtures("known_machine")
def test_a_repository_is_planned_before_it_is_downloaded(
    page: ConvertPage, qtbot: QtBot, tmp_path: Path, converter: Path, hub: LocalHub
) -> None:
    served = make_tiny_checkpoint(tmp_path / "some", layers=16)
    hub.add_repository("some/model", served)
    check(page, qtbot, f"{hub.endpoint}/some/model/tree/main")
    step = page.levels_step
    assert step.title.whole_text.startswith("model · ")
    assert hub.sent_bytes(".safetensors") < size_of(page, "F16") / 4
    assert step.checks.summary == "All checks passed"
    assert "Download: " in step._summary.whole_text
    set_ticks(page, "F16")
    (command,) = commands(page, qtbot, step.copy_button)
    assert command[2] == page.session.source
    (made,) = convert(page, qtbot)
    assert made.stat().st_size == size_of(page, "F16")
    download, conversion = (row.task for row in page.run_step._rows)
    assert (download.kind, download.title, conversion.after) == ("download", "some/model", download)

    check(page, qtbot, "some/model")
    assert "Download: " not in step._summary.whole_text


@pytest.mark.slow
@pytest.mark.usefixtures("known_machine")
def test_a_canceled_download_cancels_the_conversion_and_keeps_its_part(
    page: ConvertPage, qtbot: QtBot, tmp_path: Path, converter: Path, hub: LocalHub, home: Path
) -> None:
    hub.add_repository("some/model", make_tiny_checkpoint(tmp_path / "some", layers=16))
    check(page, qtbot, "some/model")
    set_ticks(page, "Q8_0")
    hub.faults.hold_after_bytes = hub.sent_bytes() + 400_000
    qtbot.mouseClick(page.levels_step.convert_button, Qt.MouseButton.LeftButton)
    download, conversion = (row.task for row in page.run_step._rows)
    assert (download.state, conversion.state) == ("running", "waiting")
    rows = page.run_step._rows
    qtbot.waitUntil(lambda: "1 of 2: Downloading" in rows[0]._detail.whole_text, timeout=CHECK_MS)
    assert rows[1]._figures.whole_text == "Waiting for the download…"
    assert rows[1]._detail.whole_text == "2 of 2: Converting"
    qtbot.waitUntil(lambda: bool(list((home / "checkpoints").rglob("*.part"))), timeout=CHECK_MS)
    qtbot.mouseClick(rows[0]._cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.run_step.is_over, timeout=CONVERT_MS)
    assert (download.state, conversion.state) == ("canceled", "canceled")
    assert list((home / "checkpoints").rglob("*.part"))
    assert page.run_step.heading.text() == "Canceled"

    hub.release()
    assert page.run_step.again_button.hasFocus()
    qtbot.mouseClick(page.run_step.again_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.run_step.is_over, timeout=CONVERT_MS)
    assert page.run_step.heading.text() == "Done"


@pytest.mark.slow
@pytest.mark.usefixtures("known_machine")
def test_the_base_of_an_adapter_is_asked_for(
    page: ConvertPage, qtbot: QtBot, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(page, qtbot, make_adapter(tmp_path / "adapter", "somebody/elsewhere"), 0)
    assert "somebody/elsewhere" in page.notice.text
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tiny))
    click(page.notice, qtbot, "Choose the base model…")
    wait_for_levels(page, qtbot, PLAIN)
    step = page.levels_step
    assert step.chosen_levels() == ["F16"]
    assert not step.special_note.isVisible()
    step.advanced_card.set_open(True)
    step.options_card.set_open(True)
    assert not step.advanced_card.output_type.isVisible()
    assert not step.options_card.importance.isVisible()
    (made,) = convert(page, qtbot)
    assert made.name == "adapter-F16-LoRA.gguf"
    assert not page.run_step.chat_button.isVisible()


@pytest.mark.slow
@pytest.mark.usefixtures("known_machine")
def test_a_made_file_is_quantized_again_into_another_folder(
    page: ConvertPage, qtbot: QtBot, tiny: Path, tmp_path: Path
) -> None:
    check(page, qtbot, tiny)
    set_ticks(page, "F16")
    (whole,) = convert(page, qtbot)
    page.run_step.restarted.emit()
    check(page, qtbot, whole)
    assert page.levels_step.options_card.folder.findChild(QLineEdit).placeholderText() == str(
        whole.parent
    )
    folder = tmp_path / "other folder"
    page.levels_step.options_card.set_open(True)
    enter(page.levels_step.options_card.folder, qtbot, folder / "a.gguf")
    assert "not a folder" in page.levels_step.options_card._fault.text()
    enter(page.levels_step.options_card.folder, qtbot, folder)
    wait_for_levels(page, qtbot)
    set_ticks(page, "Q4_K_M")
    (made,) = convert(page, qtbot)
    assert made.parent == folder
    assert made.stat().st_size == size_of(page, "Q4_K_M")


@pytest.mark.slow
@pytest.mark.usefixtures("known_machine")
def test_the_projector_is_offered_where_there_is_one(
    page: ConvertPage, qtbot: QtBot, tiny: Path, tmp_path: Path
) -> None:
    check(page, qtbot, tiny)
    step = page.levels_step
    assert not step.projector.isVisible()

    check(page, qtbot, make_seeing_gemma(tmp_path / "seeing"))
    assert step.projector.isVisible()
    set_ticks(page, "Q4_K_M")
    step.projector.click()
    assert len(commands(page, qtbot, step.copy_button)) == 2
    promised = projector_path_for(step.table.ticked()[0].target, "Q4_K_M")
    qtbot.mouseClick(step.convert_button, Qt.MouseButton.LeftButton)
    first, second = page._workbench.tasks.open_tasks
    assert (first.state, second.state) == ("running", "waiting")
    assert second.title == "seeing → mmproj"
    shown = commands(page, qtbot, page.run_step.copy_button)
    assert shown[1] == shlex.split(command_line(page.session.options.projector_arguments()))
    qtbot.waitUntil(lambda: page.run_step.is_over, timeout=CONVERT_MS)
    assert not page.run_step.notice.isVisible(), page.run_step.notice.text
    assert second.paths == (promised,)
    with qtbot.waitSignal(page.run_step.chat_requested) as asked:
        qtbot.mouseClick(page.run_step.chat_button, Qt.MouseButton.LeftButton)
    assert asked.args == list(first.paths)


def plan(page: ConvertPage, levels: list[str], folder: Path) -> None:
    for level in levels:
        page.levels_step.add_level(
            LevelPlanned(level, 1_000_000, 4.5, str(folder / f"m-{level}.gguf"))
        )


def test_the_command_is_the_one_that_runs(
    page: ConvertPage, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "it's a model"
    source.mkdir()
    step = page.levels_step
    page.session.locate(str(source))
    plan(page, ["Q4_K_M", "Q8_0"], tmp_path)
    page._show_step(1)
    set_ticks(page, "Q4_K_M", "Q8_0")
    (command,) = commands(page, qtbot, step.copy_button)
    assert tuple(command) == (
        "gristmill",
        "convert",
        *page.session.options.run_arguments(["Q4_K_M", "Q8_0"]),
    )
    started: list[tuple[str, ...]] = []
    add = page._workbench.tasks.add
    monkeypatch.setattr(
        page._workbench.tasks,
        "add",
        lambda kind, title, *arguments, **others: (
            started.append(arguments),
            add(kind, title, *arguments, **others),
        )[1],
    )
    qtbot.mouseClick(step.convert_button, Qt.MouseButton.LeftButton)
    assert started == [tuple(command[1:])]
    assert commands(page, qtbot, page.run_step.copy_button) == [command]


def test_every_subject_has_a_row(page: ConvertPage) -> None:
    for subject in get_args(Subject):
        page.levels_step.checks.add_check(Checked(subject, "seen"))
    page.levels_step.checks.finish()
    assert page.levels_step.checks.summary == "All checks passed"
    assert not page.levels_step.checks.is_open


def test_levels_are_brought_up_to_date_in_place(page: ConvertPage, tmp_path: Path) -> None:
    step = page.levels_step
    step.reset()
    plan(page, ["Q2_K", "Q4_K_M", "Q8_0"], tmp_path)
    set_ticks(page, "Q8_0")
    step.table.setCurrentCell(2, 0)
    step.mark_outdated()
    assert not step.convert_button.isEnabled()
    plan(page, ["IQ2_XXS", "Q4_K_M", "Q8_0"], tmp_path)
    step.finish(True)
    names = [step.table.item(row, 0).text() for row in range(step.table.rowCount())]
    assert names == ["IQ2_XXS", "Q4_K_M", "Q8_0"]
    assert step.chosen_levels() == ["Q8_0"]
    assert step.table.currentRow() == 2
    assert step.convert_button.isEnabled()


def test_a_better_level_is_said_beside_the_chosen_one(page: ConvertPage, tmp_path: Path) -> None:
    profile = checkpoint_profile(made_machine(8))
    step = page.levels_step
    for level in profile.levels:
        size, bits = level.size_bytes or 0, level.bits_per_weight or 0.0
        step.add_level(LevelPlanned(level.level, size, bits, str(tmp_path / level.level)))
    set_ticks(page, "Q4_0")
    step.picker.take_profile(profile)
    assert step.chosen_levels() == ["Q4_0"]
    assert step._summary.whole_text == "Output: 4.66 GB · Better: Q6_K"
    set_ticks(page, "Q6_K")
    assert "Better" not in step._summary.whole_text


def test_what_would_be_replaced_is_asked_for(
    page: ConvertPage, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text('{"vision_config": {}}')
    step = page.levels_step
    page.session.locate(str(tmp_path))
    plan(page, ["Q4_K_M"], tmp_path)
    page._show_step(1)
    step.table.preselect("Q4_K_M")
    step.projector.click()
    there = tmp_path / "mmproj-m-F16.gguf"
    there.write_bytes(b"")
    assert step.replaced_files() == [str(there)]
    qtbot.mouseClick(step.convert_button, Qt.MouseButton.LeftButton)
    assert page.findChild(ConfirmDialog).isVisible()
    assert not page._workbench.tasks.open_tasks


@pytest.mark.parametrize(
    ("answer", "made", "kept"),
    [
        ("Replace", ["m-Q4_K_M.gguf", "m-Q8_0.gguf"], "--overwrite"),
        ("Skip these", ["m-Q8_0.gguf"], "--overwrite"),
        ("Keep both", ["m-Q4_K_M.gguf", "m-Q8_0.gguf"], "--keep-both"),
    ],
)
def test_existing_files_are_replaced_skipped_or_kept(
    page: ConvertPage, qtbot: QtBot, tmp_path: Path, answer: str, made: list[str], kept: str
) -> None:
    step = page.levels_step
    page.session.locate(str(tmp_path))
    plan(page, ["Q4_K_M", "Q8_0"], tmp_path)
    (tmp_path / "m-Q4_K_M.gguf").write_bytes(b"")
    page._show_step(1)
    set_ticks(page, "Q4_K_M", "Q8_0")
    qtbot.mouseClick(step.convert_button, Qt.MouseButton.LeftButton)
    click(page.findChild(ConfirmDialog), qtbot, answer)
    levels = [file.removeprefix("m-").removesuffix(".gguf") for file in made]
    assert page._last_choice == (levels, kept == "--keep-both")
    (command,) = commands(page, qtbot, page.run_step.copy_button)
    assert command[-1] == kept
    assert [command[i + 1] for i, word in enumerate(command) if word == "--level"] == levels
    for task in page._workbench.tasks.open_tasks:
        task.cancel()
        qtbot.waitUntil(lambda task=task: task.is_over, timeout=CHECK_MS)


def test_an_importance_matrix_is_for_one_source(
    page: ConvertPage, qtbot: QtBot, tmp_path: Path, text: Path
) -> None:
    page.session.locate(str(tmp_path))
    importance = page.levels_step.options_card.importance
    importance.kind.set_value("text")
    importance.kind.changed.emit("text")
    enter(importance.text, qtbot, text)
    assert page.session.options.has_importance
    page.start_with(str(tmp_path / "another"))
    assert importance.kind.value == "none"
    assert not page.session.options.has_importance
    page._go_back()


def test_a_type_may_be_left_to_the_level(page: ConvertPage, qtbot: QtBot) -> None:
    box = TypeBox("Output tensor", allows_empty=True)
    qtbot.addWidget(box)
    assert box.value == ""
    with qtbot.waitSignal(box.changed):
        choose(box, "q6_K")
    assert box.value == "q6_K"


def dragged(path: Path) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    return data


def as_event(kind: type, data: QMimeData) -> QDropEvent:
    place = QPointF(9, 9) if kind is QDropEvent else QPoint(9, 9)
    how = (Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    event: QDropEvent = kind(place, Qt.DropAction.CopyAction, data, *how)
    return event


@pytest.mark.parametrize("name", ["folder", "model.gguf"])
def test_what_is_dropped_on_the_page_is_converted(
    window: MainWindow, page: ConvertPage, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    if path.suffix:
        path.write_bytes(b"GGUF")
    else:
        path.mkdir()
    data = dragged(path)
    entering, dropping = as_event(QDragEnterEvent, data), as_event(QDropEvent, data)
    page.dragEnterEvent(entering)
    assert entering.isAccepted()
    page.dropEvent(dropping)
    assert dropping.isAccepted()
    assert page.session.source == str(path)
    assert page.levels_step.isVisible()
    assert not window._workbench.settings.value.added_models


def test_what_can_not_be_converted_is_left_to_the_window(page: ConvertPage, tmp_path: Path) -> None:
    data = dragged(tmp_path / "notes.txt")
    entering = as_event(QDragEnterEvent, data)
    page.dragEnterEvent(entering)
    assert not entering.isAccepted()
    assert not page.source_step.source.findChild(QLineEdit).acceptDrops()


def test_the_tab_key_goes_through_the_patterns(page: ConvertPage, qtbot: QtBot) -> None:
    advanced = page.levels_step.advanced_card
    plan(page, ["Q4_K_M"], Path("/nowhere"))
    page._show_step(1)
    advanced.set_open(True)
    advanced.overrides.add_line()
    advanced.overrides.add_line()
    first, second = advanced.overrides.lines
    expected = [
        *(first.pattern, first.type, first.remove_button),
        *(second.pattern, second.type, second.remove_button),
        advanced.overrides.add_button,
    ]
    *_, before = advanced.types_from.findChildren(QAbstractButton)
    before.setFocus()
    reached = []
    for _ in expected:
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        reached.append(QApplication.focusWidget())
    assert reached == expected
    qtbot.keyClick(second.remove_button, Qt.Key.Key_Space)
    assert advanced.overrides.lines == [first]
    assert advanced.overrides.add_button.hasFocus()


def test_the_usual_folder_may_change_meanwhile(
    window: MainWindow, page: ConvertPage, tmp_path: Path
) -> None:
    page.session.locate(str(tmp_path))
    plan(page, ["Q4_K_M"], tmp_path)
    page._show_step(1)
    window._workbench.settings.change(models_folder=str(tmp_path / "elsewhere"))
    assert page.session.is_waiting
    assert not page.levels_step.convert_button.isEnabled()
    page._go_back()
    window._workbench.settings.change(models_folder=str(tmp_path / "again"))
    assert not page.session.is_waiting


def test_everything_in_the_wizard_has_a_name(window: MainWindow, page: ConvertPage) -> None:
    page.levels_step.advanced_card.overrides.add_line()
    nameless = [
        widget
        for kind in (QAbstractButton, QLineEdit, QComboBox)
        for widget in page.findChildren(kind)
        if not (widget.accessibleName() or getattr(widget, "text", str)())
        and not isinstance(widget.parent(), QLineEdit)
        and not (widget.objectName() or "").startswith("qt_")
    ]
    assert not nameless
