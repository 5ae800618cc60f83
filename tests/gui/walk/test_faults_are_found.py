"""The walk finds the faults that it looks for."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QTextEdit, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from app.gui.widgets.scroll_column import ScrollColumn
from tests.gui.walk.access_faults import access_faults
from tests.gui.walk.contrast_faults import contrast_faults
from tests.gui.walk.layout_faults import layout_faults


@pytest.fixture
def page(qtbot: QtBot) -> QWidget:
    page = QWidget()
    qtbot.addWidget(page)
    page.resize(300, 200)
    page.show()
    return page


def put(widget: QWidget, page: QWidget, x: int, y: int, width: int) -> None:
    widget.setParent(page)
    widget.setGeometry(x, y, width, 30)
    widget.show()


def test_cut_text(page: QWidget) -> None:
    put(QLabel("a label that has no room"), page, 0, 0, 40)
    put(QPushButton("a button that has no room"), page, 0, 40, 40)
    put(QLineEdit(placeholderText="a hint that has no room"), page, 0, 80, 40)
    wrapped = QLabel("a word of immeasurable length", wordWrap=True)
    put(wrapped, page, 0, 120, 40)
    assert len(list(layout_faults(page))) == 5


def test_what_lies_outside(page: QWidget) -> None:
    put(QPushButton(), page, 280, 0, 40)
    assert len(list(layout_faults(page))) == 1
    column = ScrollColumn()
    wide = QPushButton("wide")
    wide.setMinimumWidth(400)
    column.column.addWidget(wide)
    put(column, page, 0, 40, 200)
    assert any("Contents" in fault for fault in layout_faults(page))


def test_what_fits(page: QWidget) -> None:
    put(QLabel("a label"), page, 0, 0, 200)
    put(QPushButton("a button"), page, 0, 40, 200)
    assert list(layout_faults(page)) == []


def test_controls_without_a_name_or_a_keyboard_path(page: QWidget) -> None:
    nameless = QToolButton()
    nameless.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    put(nameless, page, 0, 0, 40)
    put(QTextEdit(), page, 0, 40, 40)
    mouse_only = QPushButton("OK")
    mouse_only.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    put(mouse_only, page, 0, 80, 40)
    faults = [fault.split(":")[0] for fault in access_faults(page)]
    assert sorted(faults) == ["no keyboard path", "no name", "no name"]


def test_an_order_that_jumps(page: QWidget) -> None:
    for words, y in (("last", 80), ("first", 0)):
        put(QPushButton(words), page, 0, y, 100)
    assert len(list(access_faults(page))) == 1


def test_faint_text(page: QWidget) -> None:
    page.setStyleSheet("background: white; color: #aaa")
    put(QLabel("faint"), page, 0, 0, 100)
    readable = QLabel("readable")
    readable.setStyleSheet("color: black")
    put(readable, page, 0, 40, 100)
    assert [fault.split("'")[1] for fault in contrast_faults(page)] == ["faint"]
