"""A memory bar: parts as wide as they are large, described in words, and the excess marked."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from app.gui.theme.theme import Theme
from app.gui.widgets.memory_bar import MemoryBar, MemoryPart

GB = 10**9


def bar_of(theme: Theme, qtbot: QtBot, weights_gb: int, total_gb: int = 8) -> MemoryBar:
    bar = MemoryBar(theme, "")
    qtbot.addWidget(bar)
    parts = [
        MemoryPart("weights", "Weights <b>", weights_gb * GB),
        MemoryPart("kv", "KV cache", GB),
        MemoryPart("others", "Other programs", GB),
    ]
    bar.show_parts("RAM", parts, total_gb * GB)
    bar.resize(400, bar.sizeHint().height())
    return bar


def test_each_part_has_its_share_of_the_width(theme: Theme, qtbot: QtBot) -> None:
    bar = bar_of(theme, qtbot, 2)
    assert [area.width() for area, _ in bar._segments()] == [100, 50, 50]
    image = bar.grab().toImage()
    colors = theme.colors
    middle = bar._bar().center().y()
    assert image.pixelColor(50, middle) == QColor(colors.memory.weights)
    assert image.pixelColor(125, middle) == QColor(colors.memory.kv)
    assert image.pixelColor(300, middle) == QColor(colors.pressed)


def test_it_is_told_in_words(theme: Theme, qtbot: QtBot) -> None:
    bar = bar_of(theme, qtbot, 2)
    assert bar.accessibleName() == "RAM: 4.00 GB left of 8.00 GB"
    assert bar.accessibleDescription() == (
        "Weights <b>: 2.00 GB; KV cache: 1.00 GB; Other programs: 1.00 GB"
    )
    middle = bar._bar().center().y()
    assert bar.tip_at(QPoint(50, middle)) == "Weights <b>: 2.00 GB (1.86 GiB)"
    assert bar.tip_at(QPoint(399, middle)) == "Free: 4.00 GB (3.73 GiB)"
    assert bar.tip_at(QPoint(50, 2)) == "RAM"
    assert bar.tip_at(QPoint(50, bar.height() - 1)) == ""


def test_too_much_is_marked_and_said(theme: Theme, qtbot: QtBot) -> None:
    bar = bar_of(theme, qtbot, 8)
    assert bar.excess_bytes == 2 * GB
    assert bar.figure == "2.00 GB missing, of 8.00 GB"
    image = bar.grab().toImage()
    middle = bar._bar().center().y()
    # A tenth each for the keys and values and the others; the last fifth is too much.
    assert image.pixelColor(320, middle) == QColor(theme.colors.ink)
    beyond = {image.pixelColor(x, middle).name() for x in range(325, 399)}
    assert QColor(theme.colors.danger_surface).name() in beyond


def test_it_is_mirrored_where_people_read_from_the_right(theme: Theme, qtbot: QtBot) -> None:
    bar = bar_of(theme, qtbot, 2)
    bar.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    assert next(bar._segments())[0].right() == 399
    image = bar.grab().toImage()
    middle = bar._bar().center().y()
    assert image.pixelColor(350, middle) == QColor(theme.colors.memory.weights)


def test_nothing_at_all_can_be_shown(theme: Theme, qtbot: QtBot) -> None:
    bar = MemoryBar(theme, "RAM")
    qtbot.addWidget(bar)
    bar.resize(200, 80)
    bar.grab()
    assert bar.tip_at(QPoint(10, bar._bar().center().y())) == "Free: 0 B (0.00 GiB)"
