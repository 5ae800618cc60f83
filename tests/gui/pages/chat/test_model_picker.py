"""The list of models: its sections and rows, its keys, and its width."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.core.events import EndpointListed, ModelListed, Ready
from app.gui.pages.chat.model_box import ModelBox
from app.gui.pages.chat.model_row import ICON_ROLE
from app.gui.services.engine import EngineIdle, EngineReady
from app.gui.services.model_entry import ModelEntry
from app.gui.shell.window import MainWindow
from app.gui.theme.tokens import SIZE
from app.gui.widgets.plain_text import unbroken
from tests.gui.drop_downs import faults_of_list

LONG = "A-Model-With-A-Name-That-Nobody-Would-Choose-" * 2 + "8x22B-Instruct-v0.3"


def listed(name: str, level: str = "Q4_K_M") -> ModelListed:
    return ModelListed(f"/models/{name}.gguf", name, level, "llama", 4_100_000_000, 7, 4096)


@pytest.fixture
def box(window: MainWindow) -> ModelBox:
    bench = window._workbench
    bench.models.models = tuple(map(listed, ("alpha", "beta", LONG, *map(str, range(12)))))
    bench.endpoints.endpoints = (EndpointListed("http://far:1", "far", ("beta:70b", "gamma")),)
    bench.models.changed.emit()
    return window.chat.picker.box


def rows(box: ModelBox) -> list[str]:
    return [box.itemText(row) for row in range(box.count())]


def chosen_name(box: ModelBox) -> str:
    return str(box.view().currentIndex().data())


def press(box: ModelBox, key: Qt.Key, text: str = "") -> None:
    """Press a key where the focus is: in the field, or in the open list."""
    target = box.view() if box.view().isVisible() else box
    QTest.keyClick(target, key) if not text else QTest.keyClicks(target, text)


def test_models_stand_in_sections_and_the_last_row_gets_more(box: ModelBox, qtbot: QtBot) -> None:
    shown = rows(box)
    assert shown[:2] == ["This machine", "alpha  ·  Q4_K_M"]
    assert shown[-5:] == ["far", "beta:70b", "gamma", "", "Get models…"]
    headings = [row for row in range(box.count()) if not box.model().index(row, 0).flags()]
    assert [shown[row] for row in headings] == ["This machine", "far"]
    assert faults_of_list(box) == []
    with qtbot.waitSignal(box.models_requested, timeout=1000):
        box.activated.emit(box.count() - 1)


def test_only_the_loaded_model_has_a_tick(window: MainWindow, box: ModelBox) -> None:
    engine = window._workbench.engine
    server = Ready("http://127.0.0.1:1", "", "beta", "Q4_K_M", 4096, 0, 2)
    engine.state = EngineReady("/models/beta.gguf", "beta", server)
    engine.changed.emit(engine.state)
    ticked = [row for row in range(box.count()) if box.itemData(row, ICON_ROLE) == "check"]
    assert ticked == [box.currentIndex()]
    assert box.currentText() == "beta  ·  Q4_K_M"
    spoken = box.itemData(ticked[0], Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "beta, Q4_K_M, 4.10 GB, loaded"
    engine.state = EngineIdle()
    engine.changed.emit(engine.state)
    assert box.currentIndex() == -1


def test_a_name_is_elided_only_where_there_is_no_room(
    window: MainWindow, box: ModelBox, qtbot: QtBot
) -> None:
    row = box.findData(f"/models/{LONG}.gguf")
    assert LONG in unbroken(box.itemData(row, Qt.ItemDataRole.ToolTipRole))
    box.setCurrentIndex(row)
    window.resize(1900, 760)
    qtbot.waitUntil(lambda: box._elided(box.currentText()) == box.currentText())
    window.resize(820, 760)
    qtbot.waitUntil(lambda: "…" in box._elided(box.currentText()))
    assert box._elided(box.currentText()).endswith("Q4_K_M")
    assert box.rect().right() < box.parentWidget().width()
    box.setCurrentIndex(box.findData("/models/beta.gguf"))
    qtbot.waitUntil(lambda: box.width() == SIZE.side)


def test_the_rows_are_as_wide_as_the_longest_name(
    window: MainWindow, box: ModelBox, qtbot: QtBot
) -> None:
    window.resize(1700, 760)
    qtbot.waitUntil(lambda: window.width() == 1700)
    box.showPopup()
    view = box.view()
    name = view.fontMetrics().horizontalAdvance(LONG)
    assert name < view.viewport().width() < name + SIZE.side
    assert faults_of_list(box) == []
    box.hidePopup()


def test_the_wheel_chooses_no_model(box: ModelBox) -> None:
    middle = QPointF(box.rect().center())
    box.setFocus()
    wheel = QWheelEvent(
        middle,
        QPointF(box.mapToGlobal(middle)),
        QPoint(),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(box, wheel)
    assert box.currentIndex() == -1


def test_an_open_list_stays_as_it_is(window: MainWindow, box: ModelBox) -> None:
    box.showPopup()
    box.view().setCurrentIndex(box.model().index(3, 0))
    window._workbench.models.changed.emit()
    assert box.view().currentIndex().row() == 3
    box.hidePopup()


def test_keys_choose_in_the_open_list_only(box: ModelBox, qtbot: QtBot) -> None:
    found: list[ModelEntry] = []
    box.chosen.connect(found.append)
    box.setFocus()
    press(box, Qt.Key.Key_Down)
    assert box.view().isVisible()
    press(box, Qt.Key.Key_Escape)
    assert not box.view().isVisible()
    press(box, Qt.Key.Key_B, "be")
    assert box.view().isVisible()
    assert chosen_name(box) == "beta  ·  Q4_K_M"
    assert found == []
    press(box, Qt.Key.Key_Up)
    assert chosen_name(box) == "alpha  ·  Q4_K_M"
    press(box, Qt.Key.Key_Up)
    assert chosen_name(box) == "alpha  ·  Q4_K_M"
    press(box, Qt.Key.Key_Return)
    assert [entry.name for entry in found] == ["alpha"]
    assert not box.view().isVisible()


def test_a_closed_list_leaves_the_focus_in_the_composer(
    window: MainWindow, box: ModelBox, qtbot: QtBot
) -> None:
    window.activateWindow()
    box.setFocus()
    box.showPopup()
    qtbot.waitUntil(box.view().isVisible)
    qtbot.keyClick(box.view(), Qt.Key.Key_Escape)
    # Offscreen, no window manager gives the activation back to the window.
    field = window.chat.composer.focusProxy()
    qtbot.waitUntil(lambda: window.focusWidget() is field)
