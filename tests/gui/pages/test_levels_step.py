"""The step of the levels at every width: one scroll bar, and what matters in view."""

from __future__ import annotations

from typing import get_args

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

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
