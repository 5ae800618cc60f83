"""The step of the levels at every width: one scroll bar, and what matters in view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from app.core import paths
from app.core.events import Checked, LevelPlanned, Subject
from app.gui.pages.convert.levels_step import LevelsStep
from app.gui.shell.window import MainWindow
from tests.support.profiles import ALL_LEVELS, checkpoint_profile, made_machine

SIZES = [(820, 560), (1120, 760), (1600, 1000)]


@pytest.fixture
def step(window: MainWindow) -> LevelsStep:
    window.show_page("convert")
    window.convert._show_step(1)
    return window.convert.levels_step


def fill(step: LevelsStep) -> None:
    profile = checkpoint_profile(made_machine(ram_gb=16), levels=ALL_LEVELS)
    for level in profile.levels:
        size, bits = level.size_bytes or 0, level.bits_per_weight or 0.0
        step.add_level(LevelPlanned(level.level, size, bits, f"/nowhere/{level.level}.gguf"))
    step.picker.take_profile(profile)


def is_in_view(step: LevelsStep, widget: QWidget, point: QPoint) -> bool:
    view = step._scroll.viewport()
    return view.rect().contains(widget.mapTo(step._scroll, point) - view.pos())


def is_row_in_view(step: LevelsStep, row: int) -> bool:
    table = step.table
    middle = table.visualRect(table.model().index(row, 0)).center()
    return is_in_view(step, table.viewport(), middle)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_recommended_row_and_the_header_are_in_view_with_one_scroll_bar(
    window: MainWindow, qtbot: QtBot, step: LevelsStep, size: tuple[int, int]
) -> None:
    window.resize(*size)
    fill(step)
    table = step.table
    (row,) = (row for row in range(table.rowCount()) if table.cell(row, 0).caption)
    qtbot.waitUntil(lambda: is_row_in_view(step, row), timeout=5000)
    header = table.horizontalHeader()
    qtbot.waitUntil(lambda: is_in_view(step, header, header.rect().center()), timeout=5000)
    assert table.verticalScrollBar().maximum() == 0
    assert step.picker.advice.sentence.isVisible()

    table.setFocus(Qt.FocusReason.TabFocusReason)
    table.setCurrentCell(row, 0)
    for _ in range(table.rowCount()):
        qtbot.keyClick(table, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: is_row_in_view(step, table.rowCount() - 1), timeout=5000)
    assert is_in_view(step, header, header.rect().center())


def test_the_recommended_row_stays_in_view_when_the_checks_fold(
    window: MainWindow, qtbot: QtBot, step: LevelsStep
) -> None:
    window.resize(820, 560)
    step.reset()
    for subject in get_args(Subject):
        step.checks.add_check(Checked(subject, "seen"))
    fill(step)
    (row,) = (row for row in range(step.table.rowCount()) if step.table.cell(row, 0).caption)
    qtbot.waitUntil(lambda: is_row_in_view(step, row), timeout=5000)
    step.finish(True)
    assert not step.checks.is_open
    qtbot.waitUntil(lambda: step.checks.height() < 100, timeout=5000)
    qtbot.waitUntil(lambda: is_row_in_view(step, row), timeout=5000)


def test_the_title_counts_parameters_as_the_checks_do(step: LevelsStep) -> None:
    step._show_title("tiny")
    fill(step)
    assert step.title.whole_text == "tiny"
    step.picker.finder.found.emit(checkpoint_profile(made_machine(8), parameters=134_515_008))
    assert step.title.whole_text == "tiny · 135 M parameters"


def enter(field: QWidget, qtbot: QtBot, words: str) -> None:
    line = field if isinstance(field, QLineEdit) else field.findChild(QLineEdit)
    line.clear()
    qtbot.keyClicks(line, words)
    qtbot.keyClick(line, Qt.Key.Key_Return)


def importance_field(step: LevelsStep, kind: str) -> QWidget:
    step.options_card.set_open(True)
    importance = step.options_card.importance
    importance.kind.set_value(kind)
    importance.kind.changed.emit(kind)
    return importance.text if kind == "text" else importance.matrix


def text_field(step: LevelsStep) -> QWidget:
    return importance_field(step, "text")


def matrix_field(step: LevelsStep) -> QWidget:
    return importance_field(step, "file")


def folder_field(step: LevelsStep) -> QWidget:
    step.options_card.set_open(True)
    return step.options_card.folder


def pattern_field(step: LevelsStep) -> QWidget:
    step.advanced_card.set_open(True)
    step.advanced_card.overrides.add_button.click()
    return step.advanced_card.overrides.lines[0].pattern


@pytest.mark.parametrize(
    ("open_field", "wrong", "reason"),
    [
        (text_field, "/no/such.txt", "Importance matrix: File not found."),
        (text_field, "/", "Importance matrix: That is a folder, not a file."),
        (matrix_field, "/no/such.dat", "Importance matrix: File not found."),
        (matrix_field, "", "Importance matrix: Choose a file, or no importance matrix."),
        (folder_field, "/nowhere/a.gguf", "Output folder: That is a file, not a folder."),
        (pattern_field, "ffn_(down", "Other tensors: This is not a valid regular expression: "),
    ],
)
def test_what_is_wrong_in_a_field_keeps_the_conversion_from_starting(
    qtbot: QtBot,
    step: LevelsStep,
    tmp_path: Path,
    open_field: Callable[[LevelsStep], QWidget],
    wrong: str,
    reason: str,
) -> None:
    fill(step)
    qtbot.waitUntil(step.convert_button.isEnabled)
    field = open_field(step)
    enter(field, qtbot, wrong)
    assert not step.convert_button.isEnabled()
    assert not step.copy_button.isEnabled()
    assert step.convert_button.accessibleDescription().startswith(reason)
    assert reason in step.convert_button.toolTip()
    assert step._summary.whole_text.startswith(reason)
    with qtbot.assertNotEmitted(step.chosen):
        qtbot.mouseClick(step.convert_button, Qt.MouseButton.LeftButton)

    right = tmp_path / "a.txt"
    right.write_text("A text.")
    is_folder = open_field is folder_field
    enter(field, qtbot, str(tmp_path if is_folder else right))
    assert step.convert_button.isEnabled()
    assert not step.convert_button.accessibleDescription()


def test_what_no_field_shows_keeps_nothing_from_starting(qtbot: QtBot, step: LevelsStep) -> None:
    fill(step)
    enter(text_field(step), qtbot, "/no/such.txt")
    step.options_card.set_importance_available(False)
    step._show_choice()
    assert step.convert_button.isEnabled()


def ticked_row(step: LevelsStep) -> int:
    (level,) = step.chosen_levels()
    return [planned.level for planned in step.table.planned].index(level)


def test_tab_brings_the_row_that_it_reaches_into_view(
    window: MainWindow, qtbot: QtBot, step: LevelsStep
) -> None:
    window.resize(820, 560)
    fill(step)
    row = ticked_row(step)
    qtbot.waitUntil(lambda: is_row_in_view(step, row), timeout=5000)
    bar = step._scroll.verticalScrollBar()
    step._scroll._forget_wanted()
    bar.setValue(bar.maximum())
    qtbot.waitUntil(lambda: not is_row_in_view(step, row), timeout=5000)
    step.table.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(lambda: is_row_in_view(step, row), timeout=5000)
    assert step.table.currentRow() == row


def test_a_smaller_window_keeps_the_recommended_row_in_view(
    window: MainWindow, qtbot: QtBot, step: LevelsStep
) -> None:
    window.resize(1400, 1300)
    fill(step)
    row = ticked_row(step)
    QApplication.processEvents()
    step._scroll._forget_wanted()
    window.resize(820, 560)
    qtbot.waitUntil(lambda: is_row_in_view(step, row), timeout=5000)
    qtbot.waitUntil(lambda: not step._scroll._settling.isActive(), timeout=5000)
    assert is_row_in_view(step, row)


def test_the_download_is_counted_again_after_each_check(
    step: LevelsStep, tmp_path: Path, home: Path
) -> None:
    outline = tmp_path / "owner" / "name"
    outline.mkdir(parents=True)
    (outline / "model.safetensors").write_bytes(b"0" * 5000)
    step._session.source = "owner/name"
    step._session.options = replace(step._session.options, source="owner/name")
    step.show_source(str(outline))
    fill(step)
    step.table.preselect("Q4_K_M")
    assert "Download: 5 kB" in step._summary.whole_text
    here = paths.checkpoints_folder() / "owner" / "name"
    here.mkdir(parents=True)
    (here / "model.safetensors").write_bytes(b"0" * 5000)
    step.mark_outdated()
    for planned in list(step.table.planned):
        step.add_level(planned)
    step.finish(True)
    assert "Download" not in step._summary.whole_text
    assert "Output" in step._summary.whole_text
