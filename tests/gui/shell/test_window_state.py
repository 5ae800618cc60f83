"""The window fits on the screen, whatever its size and position were the last time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QAbstractButton, QApplication, QMainWindow, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from app.gui.shell.window import PAGES, MainWindow
from app.gui.shell.window_state import WindowState, fit
from tests.gui.conftest import WindowMaker

# 1366x768 at 150 %, with a panel of 40.
SMALL_LAPTOP = QRect(0, 0, 911, 472)


def test_the_first_window_fits_on_the_screen(window: MainWindow) -> None:
    assert window.screen().availableGeometry().contains(window.frameGeometry())


@pytest.mark.parametrize(
    "last", [QRect(100, 100, 3000, 2000), QRect(2500, 50, 800, 600), QRect(-900, -700, 800, 600)]
)
def test_a_window_of_another_screen_comes_back(
    make_window: WindowMaker, home: Path, qtbot: QtBot, last: QRect
) -> None:
    home.mkdir(parents=True, exist_ok=True)
    there = QMainWindow()
    qtbot.addWidget(there)
    there.setGeometry(last)
    WindowState().save_geometry(there)
    window = make_window()
    assert window.screen().availableGeometry().contains(window.frameGeometry())


def test_every_page_works_on_a_small_laptop(window: MainWindow) -> None:
    window.resize(1600, 1200)
    fit(window, SMALL_LAPTOP)
    assert SMALL_LAPTOP.contains(window.geometry())
    for name in PAGES:
        window.show_page(name)
        QApplication.processEvents()
        page: QWidget = getattr(window, name)
        shown = [w for w in page.findChildren(QAbstractButton) if w.isVisible()]
        assert shown
        for button in shown:
            if not any(isinstance(p, QScrollArea) for p in _parents(button)):
                place = QRect(button.mapTo(page, QPoint()), button.size())
                assert page.rect().contains(place), button.accessibleName()


def _parents(widget: QWidget) -> Iterator[QWidget]:
    while (widget := widget.parentWidget()) is not None:
        yield widget
