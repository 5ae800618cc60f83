"""The rail is folded to icons where the window is narrow, and the jobs to a counter."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.gui.shell.window import MainWindow
from app.gui.theme.tokens import SIZE
from app.gui.widgets.button import Button
from tests.support.engine.tiny_model import write_tiny_model

NAMES = ["Chat", "Models", "Hub", "Convert", "Measure", "Settings"]


def entries(window: MainWindow) -> list[Button]:
    return [b for b in window.rail.findChildren(Button) if b.property("kind") == "navigation"]


@pytest.mark.parametrize(("width", "is_folded"), [(820, True), (1199, True), (1200, False)])
def test_the_rail_folds_and_keeps_its_names(
    window: MainWindow, width: int, is_folded: bool
) -> None:
    window.resize(1600, 700)
    window.resize(width, 700)
    assert window.rail.width() == (SIZE.folded_rail if is_folded else SIZE.rail)
    assert [entry.accessibleName() for entry in entries(window)] == NAMES
    assert [entry.text() for entry in entries(window)] == ([""] * 6 if is_folded else NAMES)
    assert all(bool(entry.toolTip()) is is_folded for entry in entries(window))


def test_an_icon_alone_is_in_the_middle_of_its_button(window: MainWindow) -> None:
    window.resize(820, 700)
    QApplication.processEvents()
    entry = entries(window)[1]
    picture = entry.grab().toImage()
    ground = picture.pixelColor(entry.width() // 2, 4)
    drawn = [
        x
        for x in range(4, picture.width() - 4)
        if any(picture.pixelColor(x, y) != ground for y in range(4, picture.height() - 4))
    ]
    assert abs(drawn[0] - (picture.width() - 1 - drawn[-1])) <= 2


def test_the_counter_opens_the_list(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    jobs = window.rail.jobs
    window.resize(820, 700)
    assert not jobs.button.isVisible()
    model = write_tiny_model(tmp_path / "tiny.gguf")
    running, waiting = (
        window._workbench.tasks.add("convert", name, "serve", str(model)) for name in ("a", "b")
    )
    assert jobs.button.isVisible()
    assert jobs.button.accessibleName() == "Jobs: 2, 0% done"
    assert not jobs.list.isVisible()
    jobs.button.click()
    assert jobs.list.isVisible()
    assert jobs.popup.hasFocus()
    screen = window.screen().availableGeometry()
    assert screen.contains(QRect(jobs.popup.mapToGlobal(QPoint()), jobs.popup.size()))
    qtbot.keyClick(jobs.popup, Qt.Key.Key_Escape)
    assert not jobs.popup.isVisible()
    jobs.button.click()
    window.resize(1600, 700)
    assert jobs.list.isVisible()
    assert not jobs.popup.isVisible()
    assert not jobs.button.isVisible()
    window.resize(820, 700)
    jobs.button.click()
    waiting.cancel()
    running.cancel()
    qtbot.waitUntil(lambda: not jobs.popup.isVisible(), timeout=20_000)
    assert not jobs.button.isVisible()
