"""A drop-down list shows whole rows below its field, however long they are."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

import app.gui
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE
from app.gui.widgets.drop_down import MAX_ROWS, DropDown
from tests.gui.drop_downs import faults_of_list

LONG = "a model with a name of many words " * 4


BoxMaker = Callable[..., DropDown]


@pytest.fixture
def shown_box(theme: Theme, qtbot: QtBot) -> BoxMaker:
    """Shows a box in a window of its own."""
    holder = QWidget()
    qtbot.addWidget(holder)

    def show(count: int, place: QPoint, name: str = "Level") -> DropDown:
        box = DropDown()
        box.addItems([f"{name} {number}" for number in range(count)])
        QVBoxLayout(holder).addWidget(box)
        holder.move(place)
        holder.show()
        qtbot.waitExposed(holder)
        return box

    return show


@pytest.mark.parametrize("count", [1, 2, 9, MAX_ROWS, MAX_ROWS + 1, 60])
@pytest.mark.parametrize("place", [QPoint(20, 20), QPoint(500, 700)], ids=["top", "bottom"])
def test_all_rows_are_whole_and_outside_of_the_field(
    shown_box: BoxMaker, count: int, place: QPoint
) -> None:
    assert faults_of_list(shown_box(count, place)) == []


def test_a_separator_is_a_thin_row(shown_box: BoxMaker) -> None:
    box = shown_box(4, QPoint(20, 20))
    box.insertSeparator(2)
    assert faults_of_list(box) == []


def test_a_long_name_widens_neither_field_nor_list(shown_box: BoxMaker) -> None:
    box = shown_box(3, QPoint(20, 20), LONG)
    assert box.sizeHint().width() <= SIZE.side
    assert faults_of_list(box) == []


def test_a_long_name_is_elided_and_told_by_a_tool_tip(shown_box: BoxMaker) -> None:
    box = shown_box(3, QPoint(20, 20), LONG)
    assert box._elided(box.currentText()).endswith("…")
    middle = box.rect().center()
    help_event = QHelpEvent(QEvent.Type.ToolTip, middle, box.mapToGlobal(middle))
    QApplication.sendEvent(box, help_event)
    assert LONG.strip() in QToolTip.text()
    QToolTip.hideText()
    box.showPopup()
    view = box.view()
    row = view.visualRect(box.model().index(1, 0)).center()
    help_event = QHelpEvent(QEvent.Type.ToolTip, row, view.viewport().mapToGlobal(row))
    QApplication.sendEvent(view.viewport(), help_event)
    assert f"{LONG} 1".strip() in QToolTip.text()
    QToolTip.hideText()
    box.hidePopup()


def test_no_other_combo_box_is_used() -> None:
    files = Path(app.gui.__file__).parent.rglob("*.py")
    users = [f.name for f in files if re.search(r"\bQComboBox\(|\(QComboBox\)", f.read_text())]
    assert users == ["drop_down.py"]
