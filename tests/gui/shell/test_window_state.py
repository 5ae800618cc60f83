"""The window fits on the screen, whatever its size and position were the last time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QAbstractButton, QApplication, QMainWindow, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from app.gui.shell.window import PAGES, MainWindow
from app.gui.shell.window_state import WindowState, fit

Restored = Callable[..., QMainWindow]

# 1366x768 at 150 %, with a panel of 40.
SMALL_LAPTOP = QRect(0, 0, 911, 472)


@pytest.fixture
def restored(home: Path, qtbot: QtBot) -> Restored:
    """Shows a window where it was the last time, if there was one."""
    home.mkdir(parents=True, exist_ok=True)

    def restore(last: QRect | None = None) -> QMainWindow:
        memory = WindowState()
        there, here = QMainWindow(), QMainWindow()
        for window in (there, here):
            qtbot.addWidget(window)
        if last is not None:
            there.setGeometry(last)
            memory.save_geometry(there)
        memory.restore_geometry(here)
        here.show()
        qtbot.waitExposed(here)
        return here

    return restore


def test_the_first_window_fits_on_the_screen(restored: Restored) -> None:
    window = restored()
    assert window.screen().availableGeometry().contains(window.frameGeometry())


@pytest.mark.parametrize(
    "last", [QRect(100, 100, 3000, 2000), QRect(2500, 50, 800, 600), QRect(-900, -700, 800, 600)]
)
def test_a_window_of_another_screen_comes_back(restored: Restored, last: QRect) -> None:
    window = restored(last)
    assert window.screen().availableGeometry().contains(window.frameGeometry())


def test_a_window_keeps_its_place(restored: Restored) -> None:
    window = restored(QRect(40, 60, 730, 500))
    assert window.geometry() == QRect(40, 60, 730, 500)


def test_every_page_works_on_a_small_laptop(window: MainWindow) -> None:
    window.resize(1600, 1200)
    fit(window, SMALL_LAPTOP, is_placed=True)
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
