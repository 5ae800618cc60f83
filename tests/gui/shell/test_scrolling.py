"""What scrolls ends where its contents end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.gui.shell.window import PAGES, MainWindow
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.scroll_column import ScrollColumn

WIDTHS = [820, 1000, 1120, 1600]


def _end_of_contents(scroll: ScrollColumn) -> int:
    shown = [item.widget() for item in map(scroll.column.itemAt, range(scroll.column.count()))]
    return max(w.geometry().bottom() + 1 for w in shown if w is not None and w.isVisible())


def _voids(root: QWidget) -> Iterator[tuple[str, int]]:
    for scroll in root.findChildren(ScrollColumn):
        if scroll.isVisible() and scroll.verticalScrollBar().maximum():
            void = scroll.widget().height() - _end_of_contents(scroll)
            if void:
                yield scroll.parent().accessibleName(), void


@pytest.mark.parametrize("width", WIDTHS)
def test_pages_and_options_end_where_their_contents_end(window: MainWindow, width: int) -> None:
    window.resize(width, 620)
    for page in PAGES:
        window.show_page(page)
        QApplication.processEvents()
        assert list(_voids(window)) == []
    settings = window.settings.findChild(ScrollColumn)
    assert settings.verticalScrollBar().maximum() > 0
    window.show_options("/nowhere/made-up.gguf", "Made up")
    window.load_options.resize(width, 620)
    QApplication.processEvents()
    assert window.load_options.findChild(ScrollColumn).verticalScrollBar().maximum() > 0
    assert list(_voids(window.load_options)) == []
    window.load_options.reject()


@pytest.mark.parametrize("width", WIDTHS)
def test_wrapped_text_leaves_no_void(qtbot: QtBot, width: int) -> None:
    scroll = ScrollColumn()
    qtbot.addWidget(scroll)
    for _ in range(9):
        part = QWidget()
        QVBoxLayout(part).addWidget(PlainLabel("Many words in one paragraph. " * 20, wrap=True))
        scroll.column.addWidget(part)
    scroll.column.addStretch(1)
    scroll.resize(width, 200)
    scroll.show()
    qtbot.waitExposed(scroll)
    assert scroll.widget().height() == _end_of_contents(scroll)
